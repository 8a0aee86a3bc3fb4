import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";

describe.each(["sqlite", "postgres"] as const)("the price of a generation on %s", (backend) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp(backend);
  });
  afterAll(() => test.stop());

  it("is the tool's at its creation: a tool changed and archived later changes nothing", async () => {
    const tool = { toolId: "flux", pricing: { unit: PricingUnit.RUN, rateUsd: "0.02" } };
    await test.generations.upsertTool({ tool });
    const created = await test.generations.createGeneration({ requestId: "g", accountId: "alice", toolId: "flux" });
    const dearer = { ...tool, archived: true, pricing: { unit: PricingUnit.RUN, rateUsd: "500" } };
    await test.generations.upsertTool({ tool: dearer });

    const generationId = created.generation?.generationId ?? "";
    const unpaid = await test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    expect(unpaid.generation?.baseCostUsdMicros).toBe(20_000n);
    const deposit = { amountUsdMicros: 20_000n, source: CreditSource.DEPOSIT };
    await test.economy.credit({ requestId: "c", accountId: "alice", ...deposit });
    const paid = await test.generations.retryPayment({ requestId: "p", generationId });
    expect(paid.generation).toMatchObject({ state: GenerationState.COMPLETED, pricing: { rateUsd: "0.02" } });
    expect((await test.economy.getBalance({ accountId: "alice" })).balance?.balanceUsdMicros).toBe(0n);
  });
});
