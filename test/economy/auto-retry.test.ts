import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const DAY_SECONDS = 86_400;

interface Order {
  readonly accountId: string;
  readonly payerAccountId?: string;
  readonly fallbackPayerAccountId?: string;
  readonly attribution?: { readonly loras: { readonly loraId: string; readonly ownerAccountId: string }[] };
}

/** Payments that are tried again by themselves, rule 3.4. */
describe.each(["sqlite", "postgres"] as const)("money that arrives, with auto_retry on %s,", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend, { autoRetry: true });
    await app.tool("flux", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.0001" } });
  });
  afterAll(() => app.stop());

  /** A generation that ended with this base cost, which nobody could pay. */
  const unpaid = async (order: Order, finalCostUsdMicros: bigint): Promise<string> => {
    const created = await app.generations.createGeneration({ requestId: randomUUID(), toolId: "flux", ...order });
    const generationId = created.generation?.generationId ?? "";
    const { generation } = await app.generations.completeGeneration({
      generationId,
      outcome: Outcome.SUCCEEDED,
      cost: { case: "finalCostUsdMicros", value: finalCostUsdMicros },
      outputs: [{ url: "https://cdn.example/a.png" }],
    });
    expect(generation?.state).toBe(GenerationState.PAYMENT_FAILED);
    return generationId;
  };
  const read = async (generationId: string) => {
    const { generation } = await app.generations.getGeneration({ generationId });
    if (!generation) throw new Error("a generation is returned");
    return generation;
  };
  const statesOf = (generationIds: readonly string[]) =>
    Promise.all(generationIds.map(async (generationId) => GenerationState[(await read(generationId)).state]));
  const arrives = async (accountId: string, amountUsdMicros: bigint): Promise<void> => {
    await app.credit(accountId, amountUsdMicros);
    await app.retried();
  };
  const settlementsOf = async (generationId: string): Promise<number> => {
    const accountId = "sys:revenue";
    const types = [TransactionType.GENERATION_SETTLEMENT];
    return (await app.economy.listTransactions({ accountId, generationId, types })).transactions.length;
  };

  it("pays for what nobody could pay and releases it, at the base fixed then and with its fee", async () => {
    const [alice, anna] = [someone("alice"), someone("anna")];
    const attribution = { loras: [{ loraId: "ink", ownerAccountId: anna }] };
    const generationId = await unpaid({ accountId: alice, attribution }, 200n);
    app.pass(1);
    await arrives(alice, 209n);
    expect(await statesOf([generationId])).toEqual(["PAYMENT_FAILED"]);
    await arrives(alice, 1n);
    expect(await read(generationId)).toMatchObject({
      ...{ state: GenerationState.COMPLETED, stateReason: "", chargedAccountId: alice },
      ...{ baseCostUsdMicros: 200n, feeUsdMicros: 10n, outputs: [{ url: "https://cdn.example/a.png" }] },
    });
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
    expect(await app.balance(anna)).toEqual([10n, 0n, 10n, 0n]);
    const events = await app.store.generationEvents(generationId);
    expect(events.map((event) => event.type)).toEqual(["PAYMENT_FAILED", "COMPLETED"]);
  });

  it("pays oldest first, until one does not fit: a smaller one behind it waits", async () => {
    const alice = someone("alice");
    const generationIds: string[] = [];
    for (const cost of [100n, 200n, 400n, 50n]) generationIds.push(await unpaid({ accountId: alice }, cost));
    await arrives(alice, 650n);
    expect(await statesOf(generationIds)).toEqual(["COMPLETED", "COMPLETED", "PAYMENT_FAILED", "PAYMENT_FAILED"]);
    expect(await app.balance(alice)).toEqual([350n, 0n, 350n, 0n]);
    await app.sweep();
    expect(await statesOf(generationIds)).toEqual(["COMPLETED", "COMPLETED", "PAYMENT_FAILED", "PAYMENT_FAILED"]);
    await arrives(alice, 100n);
    expect(await statesOf(generationIds)).toEqual(["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"]);
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
  });

  it("pays for more than 100 generations of one account", async () => {
    const alice = someone("alice");
    const generationIds = await Promise.all(Array.from({ length: 105 }, () => unpaid({ accountId: alice }, 1n)));
    await arrives(alice, 103n);
    const states = await statesOf(generationIds);
    expect(states.filter((state) => state === "COMPLETED")).toHaveLength(103);
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
  });

  it("changes nothing and writes no event where it is short again", async () => {
    const alice = someone("alice");
    const generationId = await unpaid({ accountId: alice }, 100n);
    const [before] = await app.store.findGenerations({ generationId, runId: "" });
    await arrives(alice, 99n);
    await app.sweep();
    expect(await app.store.findGenerations({ generationId, runId: "" })).toEqual([before]);
    expect(await app.store.generationEvents(generationId)).toHaveLength(1);
    expect(await app.balance(alice)).toEqual([99n, 0n, 99n, 0n]);
  });

  describe("whichever way it arrives:", () => {
    const deposit = { amountUsdMicros: 100n, source: CreditSource.DEPOSIT };
    it.each<[string, (accountId: string) => Promise<unknown>]>([
      ["a credit", (accountId) => app.credit(accountId, 100n)],
      [
        "a transfer",
        async (toAccountId) => {
          const fromAccountId = someone("bob");
          await app.credit(fromAccountId, 100n);
          await app.economy.transfer({ requestId: randomUUID(), fromAccountId, toAccountId, amountUsdMicros: 100n });
        },
      ],
      [
        "an item of a batch",
        (accountId) =>
          app.economy.batchPost({
            items: [{ item: { case: "credit", value: { requestId: randomUUID(), accountId, ...deposit } } }],
          }),
      ],
      [
        "an item of an atomic batch",
        (accountId) =>
          app.economy.batchPost({
            items: [{ item: { case: "credit", value: { requestId: randomUUID(), accountId, ...deposit } } }],
            atomic: true,
          }),
      ],
      [
        "an old balance",
        (accountId) =>
          app.economy.importLegacyBalances({
            requestId: randomUUID(),
            sourceName: someone("mongo"),
            rows: [{ accountId, points: "100" }],
            usdPerPoint: "0.000001",
          }),
      ],
    ])("%s", async (_, arrive) => {
      const alice = someone("alice");
      const generationId = await unpaid({ accountId: alice }, 100n);
      await arrive(alice);
      await app.retried();
      expect(await statesOf([generationId])).toEqual(["COMPLETED"]);
    });

    it("a refund", async () => {
      const alice = someone("alice");
      await app.credit(alice, 100n);
      const { transaction } = await app.debit(alice, 100n);
      const generationId = await unpaid({ accountId: alice }, 100n);
      const amount = { case: "refundAll", value: true } as const;
      const { transactionId } = transaction ?? { transactionId: "" };
      await app.economy.refundTransaction({ requestId: randomUUID(), transactionId, amount });
      await app.retried();
      expect(await statesOf([generationId])).toEqual(["COMPLETED"]);
    });

    it("a creator's reward", async () => {
      const [alice, anna] = [someone("alice"), someone("anna")];
      const generationId = await unpaid({ accountId: anna }, 5n);
      const attribution = { loras: [{ loraId: "ink", ownerAccountId: anna }] };
      const used = await unpaid({ accountId: alice, attribution }, 100n);
      await arrives(alice, 105n);
      await app.retried();
      expect(await statesOf([used, generationId])).toEqual(["COMPLETED", "COMPLETED"]);
      expect(await app.balance(anna)).toEqual([0n, 0n, 0n, 0n]);
    });

    it("money that a hold lets go of, at the next sweep", async () => {
      const alice = someone("alice");
      await app.credit(alice, 100n);
      const { holdId } = await app.hold(alice, 60n);
      const generationId = await unpaid({ accountId: alice }, 100n);
      await app.sweep();
      expect(await statesOf([generationId])).toEqual(["PAYMENT_FAILED"]);
      await app.release(holdId);
      await app.sweep();
      expect(await statesOf([generationId])).toEqual(["COMPLETED"]);
    });
  });

  describe("where there is a fallback payer,", () => {
    const groupOrder = () => ({ accountId: someone("alice"), payerAccountId: someone("group") });

    it("in the payer's account pays: the payer is tried first, for its own full amount", async () => {
      const order = groupOrder();
      const generationId = await unpaid({ ...order, fallbackPayerAccountId: order.accountId }, 100n);
      await arrives(order.payerAccountId, 100n);
      expect(await read(generationId)).toMatchObject({ chargedAccountId: order.payerAccountId });
    });

    it("in the fallback's account pays too, for its own full amount", async () => {
      const order = groupOrder();
      const attribution = { loras: [{ loraId: "ink", ownerAccountId: order.payerAccountId }] };
      const generationId = await unpaid({ ...order, fallbackPayerAccountId: order.accountId, attribution }, 100n);
      await arrives(order.payerAccountId, 99n);
      await arrives(order.accountId, 104n);
      expect(await statesOf([generationId])).toEqual(["PAYMENT_FAILED"]);
      await arrives(order.accountId, 1n);
      expect(await read(generationId)).toMatchObject({ chargedAccountId: order.accountId, feeUsdMicros: 5n });
      expect(await app.balance(order.payerAccountId)).toEqual([104n, 0n, 104n, 0n]);
    });

    it("pays an account's own before those it is the fallback of, and neither holds up the other", async () => {
      const order = groupOrder();
      const groups = await unpaid({ ...order, fallbackPayerAccountId: order.accountId }, 1_000n);
      const own = await unpaid({ accountId: order.accountId }, 100n);
      await arrives(order.accountId, 1_000n);
      expect(await statesOf([groups, own])).toEqual(["PAYMENT_FAILED", "COMPLETED"]);
    });
  });

  it("no longer pays for a generation older than 30 days, which RetryPayment still does", async () => {
    const alice = someone("alice");
    const old = await unpaid({ accountId: alice }, 100n);
    app.pass(1);
    const younger = await unpaid({ accountId: alice }, 100n);
    app.pass(30 * DAY_SECONDS - 1 + 0.001);
    await arrives(alice, 200n);
    await app.sweep();
    expect(await statesOf([old, younger])).toEqual(["PAYMENT_FAILED", "COMPLETED"]);
    await app.generations.retryPayment({ requestId: randomUUID(), generationId: old });
    expect(await statesOf([old])).toEqual(["COMPLETED"]);
  });

  it("never pays for one whose cost is unknown", async () => {
    const alice = someone("alice");
    await app.tool("video");
    const created = await app.generations.createGeneration({ requestId: "u", accountId: alice, toolId: "video" });
    const generationId = created.generation?.generationId ?? "";
    await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    await arrives(alice, 1_000n);
    await app.sweep();
    expect(await read(generationId)).toMatchObject({ stateReason: "COST_UNDETERMINED" });
  });

  it("is found by any instance's sweep if the one that took it in ended before it looked", async () => {
    const off = await app.another();
    const alice = someone("alice");
    const generationId = await unpaid({ accountId: alice }, 100n);
    await off.credit(alice, 100n);
    await app.retried();
    expect(await statesOf([generationId])).toEqual(["PAYMENT_FAILED"]);
    await off.sweep();
    expect(await statesOf([generationId])).toEqual(["PAYMENT_FAILED"]);
    await app.sweep();
    expect(await statesOf([generationId])).toEqual(["COMPLETED"]);
  });

  it("settles each generation once, whatever instances and callers do at the same time", async () => {
    const others = [await app.another({ autoRetry: true }), await app.another({ autoRetry: true })] as const;
    const alice = someone("alice");
    const generationIds = await Promise.all(Array.from({ length: 12 }, () => unpaid({ accountId: alice }, 10n)));
    const retries = generationIds.map((generationId) => ({ requestId: randomUUID(), generationId }));
    await Promise.all([
      app.credit(alice, 50n),
      others[0].credit(alice, 30n),
      others[1].credit(alice, 40n),
      ...[app, ...others, ...others].map((instance) => instance.sweep()),
      ...retries.map((retry) => others[1].generations.retryPayment(retry).catch(() => {})),
    ]);
    for (const instance of [app, ...others]) await instance.retried();
    await app.sweep();
    expect(new Set(await statesOf(generationIds))).toEqual(new Set(["COMPLETED"]));
    expect(await Promise.all(generationIds.map(settlementsOf))).toEqual(generationIds.map(() => 1));
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
  });

  it("races a caller's RetryPayment, and the one that comes second learns that it is paid", async () => {
    const alice = someone("alice");
    const generationId = await unpaid({ accountId: alice }, 10n);
    await arrives(alice, 100n);
    const late = app.generations.retryPayment({ requestId: randomUUID(), generationId });
    expect(await refusalOf(late)).toMatchObject({ reason: "GENERATION_NOT_PAYABLE" });
    expect(await app.balance(alice)).toEqual([90n, 0n, 90n, 0n]);
  });

  it("leaves books in which the audit finds nothing", async () => {
    expect((await auditLedger(app.store)).violations).toEqual([]);
  });
});
