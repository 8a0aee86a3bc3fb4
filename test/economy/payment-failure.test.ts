import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Generation, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** What a generation says of its failed payment, rules 3.2 and 3.5. */
describe.each(["sqlite", "postgres"] as const)("payment_failure on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("flux", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } });
    await app.tool("video");
  });
  afterAll(() => app.stop());

  const create = async (order: object): Promise<string> => {
    const { generation } = await app.generations.createGeneration({
      ...{ requestId: randomUUID(), toolId: "flux" },
      ...order,
    });
    return generation?.generationId ?? "";
  };
  const succeed = async (generationId: string): Promise<Generation | undefined> =>
    (await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED })).generation;
  const read = async (generationId: string): Promise<Generation | undefined> =>
    (await app.generations.getGeneration({ generationId })).generation;
  const SERVICE = "stationthis.generation.v1.GenerationService";

  it("names what the payer is short of, its fee included, and how to retry: as the event does", async () => {
    const [alice, anna] = [someone("alice"), someone("anna")];
    await app.credit(alice, 4_000n);
    const loras = [{ loraId: "ink", ownerAccountId: anna }];
    const generationId = await create({ accountId: alice, attribution: { loras } });
    const failure = {
      ...{ reason: "INSUFFICIENT_FUNDS", requiredUsdMicros: 10_500n, availableUsdMicros: 4_000n },
      ...{ shortfallUsdMicros: 6_500n, retryMethod: `${SERVICE}/RetryPayment` },
    };
    expect((await succeed(generationId))?.paymentFailure).toMatchObject(failure);
    expect((await read(generationId))?.paymentFailure).toMatchObject(failure);
    const { generations } = await app.generations.listGenerations({ accountId: alice });
    expect(generations[0]?.paymentFailure).toMatchObject(failure);
    const [event] = await app.store.generationEvents(generationId);
    expect(event?.details).toEqual({
      ...{ reason: "INSUFFICIENT_FUNDS", account_id: alice, required_usd_micros: "10500" },
      ...{ available_usd_micros: "4000", shortfall_usd_micros: "6500", retry_method: `${SERVICE}/RetryPayment` },
    });
  });

  it("is the payer's where the fallback is short too, and counts the hold it had", async () => {
    const [alice, team] = [someone("alice"), someone("team")];
    await app.credit(alice, 10_000n);
    const generationId = await create({ accountId: alice, fallbackPayerAccountId: team, placeHold: true });
    await app.credit(team, 19_999n);
    const cost = { case: "finalCostUsdMicros", value: 20_000n } as const;
    await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, cost });
    expect((await read(generationId))?.paymentFailure).toMatchObject({
      ...{ requiredUsdMicros: 20_000n, availableUsdMicros: 10_000n, shortfallUsdMicros: 10_000n },
    });
  });

  it("stays as it was when the payment failed, until the payment is made", async () => {
    const alice = someone("alice");
    const generationId = await create({ accountId: alice });
    await succeed(generationId);
    await app.credit(alice, 9_999n);
    await app.generations.retryPayment({ requestId: "short", generationId }).catch(() => {});
    expect((await read(generationId))?.paymentFailure).toMatchObject({ availableUsdMicros: 0n });
    await app.credit(alice, 1n);
    await app.generations.retryPayment({ requestId: "enough", generationId });
    expect((await read(generationId))?.paymentFailure).toBeUndefined();
  });

  it("says that a completion with the cost is missing where the cost is unknown, and then what money is", async () => {
    const alice = someone("alice");
    const generationId = await create({ accountId: alice, toolId: "video" });
    expect((await succeed(generationId))?.paymentFailure).toMatchObject({
      ...{ reason: "COST_UNDETERMINED", retryMethod: `${SERVICE}/CompleteGeneration` },
      ...{ requiredUsdMicros: 0n, availableUsdMicros: 0n, shortfallUsdMicros: 0n },
    });
    const cost = { case: "runDuration", value: { seconds: 30n } } as const;
    await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, cost });
    expect((await read(generationId))?.paymentFailure).toMatchObject({
      ...{ reason: "INSUFFICIENT_FUNDS", requiredUsdMicros: 30n, shortfallUsdMicros: 30n },
    });
  });

  it("is unset in every other state", async () => {
    const alice = someone("alice");
    const generationId = await create({ accountId: alice });
    expect((await read(generationId))?.paymentFailure).toBeUndefined();
    await app.generations.completeGeneration({ generationId, outcome: Outcome.FAILED });
    expect((await read(generationId))?.paymentFailure).toBeUndefined();
  });
});
