import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";

describe.each(["sqlite", "postgres"] as const)("from a webhook to a paid-for output on %s", (backend) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp(backend);
    await test.generations.upsertTool({
      tool: { toolId: "flux", displayName: "Flux", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } },
    });
  });
  afterAll(() => test.stop());

  const send = (url: string, method: "POST" | "GET", event: object) => sendWebhook(url, method, JSON.stringify(event));
  const images = [{ data: { images: [{ url: "https://cdn.example/a.png", filename: "a.png", type: "image/png" }] } }];

  it("releases the outputs of a success once it is paid, and a repetition charges nothing", async () => {
    await test.economy.credit({
      requestId: "c-alice",
      accountId: "alice",
      amountUsdMicros: 1_000_000n,
      source: CreditSource.DEPOSIT,
    });
    const created = await test.generations.createGeneration({
      requestId: "g-alice",
      accountId: "alice",
      toolId: "flux",
      attribution: {
        spell: { spellId: "s", ownerAccountId: "carol" },
        loras: [{ loraId: "x", ownerAccountId: "anna" }],
      },
    });
    const run = { run_id: "run-1", event_type: "run.updated" };
    expect(await send(created.webhookUrl, "POST", { ...run, status: "queued", outputs: [] })).toBe(200);
    expect(await send(created.webhookUrl, "POST", { ...run, status: "running", progress: 0.5, outputs: [] })).toBe(200);
    const early = { ...run, event_type: "run.output", status: "running", outputs: images };
    expect(await send(created.webhookUrl, "POST", early)).toBe(200);

    const running = await test.generations.getGeneration({ runId: "run-1" });
    expect(running.generation).toMatchObject({ state: GenerationState.RUNNING, progress: 0.5, outputs: [] });

    expect(await send(created.webhookUrl, "POST", { ...run, status: "success", outputs: images })).toBe(200);
    expect(await send(created.webhookUrl, "GET", { ...run, status: "success", outputs: images })).toBe(200);

    const { generation } = await test.generations.getGeneration({ runId: "run-1" });
    expect(generation).toMatchObject({
      state: GenerationState.COMPLETED,
      baseCostUsdMicros: 10_000n,
      feeUsdMicros: 600n,
      totalCostUsdMicros: 10_600n,
      chargedAccountId: "alice",
    });
    expect(generation?.outputs.map((output) => output.url)).toEqual(["https://cdn.example/a.png"]);
    const balances = await test.economy.batchGetBalances({ accountIds: ["alice", "carol", "anna", "sys:revenue"] });
    expect(balances.balances.map((balance) => balance.balanceUsdMicros)).toEqual([989_400n, 300n, 300n, 10_000n]);
  });

  it("withholds the outputs of a success that nobody can pay for, until somebody does", async () => {
    const created = await test.generations.createGeneration({ requestId: "g-bob", accountId: "bob", toolId: "flux" });
    const success = { run_id: "run-2", status: "success", outputs: images };
    expect(await send(created.webhookUrl, "POST", success)).toBe(200);
    const unpaid = await test.generations.getGeneration({ runId: "run-2" });
    expect(unpaid.generation).toMatchObject({
      state: GenerationState.PAYMENT_FAILED,
      stateReason: "INSUFFICIENT_FUNDS",
      outputs: [],
    });
    const generationId = unpaid.generation?.generationId ?? "";
    await test.economy.credit({
      requestId: "c-bob",
      accountId: "bob",
      amountUsdMicros: 10_000n,
      source: CreditSource.DEPOSIT,
    });
    const paid = await test.generations.retryPayment({ requestId: "p-bob", generationId });
    expect(paid.generation?.state).toBe(GenerationState.COMPLETED);
    expect(paid.generation?.outputs).toHaveLength(1);
    const again = await test.generations.retryPayment({ requestId: "p-bob", generationId });
    expect(again.transaction?.transactionId).toBe(paid.transaction?.transactionId);
    expect((await test.economy.getBalance({ accountId: "bob" })).balance?.balanceUsdMicros).toBe(0n);
  });
});

/** fetch refuses a GET with a body, the provider doesn't. */
async function sendWebhook(url: string, method: string, body: string): Promise<number> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
