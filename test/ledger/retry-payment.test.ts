import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { request, retryOf } from "../support/commands.js";
import { loraOf, someone, TestLedger } from "../support/ledger.js";
import { describeStores } from "../support/stores.js";

/** A run costs one dollar, 1,000,000 micros, so the fee on a LoRA is 50,000. */
describeStores("RetryPayment", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  const unpaid = async (payer: string, input = {}): Promise<string> => {
    const generationId = await ledger.create({ accountId: payer, ...input });
    await ledger.complete(generationId);
    return generationId;
  };

  it("settles at the base fixed when the run ended", async () => {
    const [alice, anna] = [someone("alice"), someone("anna")];
    const generationId = await ledger.create({ accountId: alice, attribution: { loras: [loraOf(anna)] } });
    await ledger.complete(generationId, { usage: { finalCostUsdMicros: 200_000n } });
    await ledger.fund(alice, 1_000_000n);
    const paid = await ledger.writer.submit(retryOf({ generationId }));
    expect(paid).toMatchObject({ generation: { state: "COMPLETED", stateReason: "", baseCostUsdMicros: 200_000n } });
    expect(await ledger.balances(alice, anna)).toEqual([790_000n, 10_000n]);
    expect(await ledger.eventTypes(generationId)).toEqual(["PAYMENT_FAILED", "COMPLETED"]);
  });

  it("takes the money of the fallback if the payer is still short", async () => {
    const [alice, team] = [someone("alice"), someone("team")];
    const generationId = await unpaid(alice, { fallbackPayerAccountId: team });
    await ledger.fund(team, 1_000_000n);
    await ledger.writer.submit(retryOf({ generationId }));
    expect(await ledger.generation(generationId)).toMatchObject({ state: "COMPLETED", chargedAccountId: team });
  });

  it("takes the money of another account given, with the fee that one owes", async () => {
    const [alice, anna] = [someone("alice"), someone("anna")];
    const generationId = await unpaid(alice, { attribution: { loras: [loraOf(anna)] } });
    await ledger.fund(anna, 1_000_000n);
    await ledger.writer.submit(retryOf({ generationId, payerAccountId: anna }));
    const paid = { state: "COMPLETED", payerAccountId: alice, chargedAccountId: anna, feeUsdMicros: 0n };
    expect(await ledger.generation(generationId)).toMatchObject(paid);
    expect(await ledger.balances(anna)).toEqual([0n]);
  });

  it("tries nobody but the account given", async () => {
    const [alice, team] = [someone("alice"), someone("team")];
    const generationId = await unpaid(alice);
    await ledger.fund(alice, 1_000_000n);
    await expect(ledger.writer.submit(retryOf({ generationId, payerAccountId: team }))).rejects.toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
      metadata: { account_id: team, available_usd_micros: "0", shortfall_usd_micros: "1000000" },
    });
    expect(await ledger.balances(alice)).toEqual([1_000_000n]);
  });

  it("that is short again changes nothing, writes no event, and may be repeated until it works", async () => {
    const alice = someone("alice");
    const generationId = await unpaid(alice);
    const before = await ledger.generation(generationId);
    const key = request();
    for (const arrived of [400_000n, 599_999n]) {
      await ledger.fund(alice, arrived);
      await expect(ledger.writer.submit(retryOf({ generationId, request: key }))).rejects.toMatchObject({
        reason: "INSUFFICIENT_FUNDS",
      });
      expect(await ledger.generation(generationId)).toEqual(before);
      expect(await ledger.eventTypes(generationId)).toEqual(["PAYMENT_FAILED"]);
    }
    await ledger.fund(alice, 1n);
    await ledger.writer.submit(retryOf({ generationId, request: key }));
    expect(await ledger.balances(alice)).toEqual([0n]);
  });

  it("that is repeated after it worked charges nothing more", async () => {
    const alice = someone("alice");
    const generationId = await unpaid(alice);
    await ledger.fund(alice, 3_000_000n);
    const key = request();
    const first = retryOf({ generationId, request: key, transactionId: uuidv7() });
    const [paid, repeated] = await Promise.all([
      ledger.writer.submit(first),
      ledger.writer.submit(retryOf({ generationId, request: key })),
    ]);
    if (paid.kind !== "done") throw new Error("the first call wasn't the one that paid");
    expect(repeated).toMatchObject({
      kind: "recorded",
      isReplay: true,
      resourceId: paid.posted.transaction.transactionId,
    });
    expect(await ledger.balances(alice)).toEqual([2_000_000n]);
  });

  it.each([
    ["PENDING", async () => {}],
    ["COMPLETED", (id: string) => ledger.complete(id)],
    ["FAILED", (id: string) => ledger.complete(id, { outcome: "FAILED" })],
    ["CANCELLED", (id: string) => ledger.complete(id, { outcome: "CANCELLED" })],
  ] as const)("of a %s generation is refused", async (state, reach) => {
    const alice = someone("alice");
    await ledger.fund(alice, 5_000_000n);
    const generationId = await ledger.create({ accountId: alice });
    await reach(generationId);
    const before = await ledger.balances(alice);
    await expect(ledger.writer.submit(retryOf({ generationId }))).rejects.toMatchObject({
      reason: "GENERATION_NOT_PAYABLE",
      metadata: { generation_id: generationId, state },
    });
    expect(await ledger.balances(alice)).toEqual(before);
  });
});
