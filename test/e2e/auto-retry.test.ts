import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";

describe.each(["sqlite", "postgres"] as const)("a service with auto_retry on %s", (backend) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp(backend, { autoRetry: true });
    await test.generations.upsertTool({ tool: { toolId: "flux", pricing: { unit: PricingUnit.RUN, rateUsd: "1" } } });
  });
  afterAll(() => test.stop());

  it("pays for what waited for the money as soon as it arrives, with no further call", async () => {
    const created = await test.generations.createGeneration({ requestId: "g", accountId: "alice", toolId: "flux" });
    const generationId = created.generation?.generationId ?? "";
    await test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    const read = async () => (await test.generations.getGeneration({ generationId })).generation;
    expect(await read()).toMatchObject({ state: GenerationState.PAYMENT_FAILED });
    const deposit = { amountUsdMicros: 1_000_000n, source: CreditSource.DEPOSIT };
    await test.economy.credit({ requestId: "c", accountId: "alice", ...deposit });
    await vi.waitFor(async () => expect((await read())?.state).toBe(GenerationState.COMPLETED), { timeout: 20_000 });
    const { balance } = await test.economy.getBalance({ accountId: "alice" });
    expect(balance?.balanceUsdMicros).toBe(0n);
  });
});
