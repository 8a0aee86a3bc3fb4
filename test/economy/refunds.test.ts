import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const DAY_SECONDS = 86_400;

/** Money back, rules 6; the grants it goes back into have a file of their own. */
describe.each(["sqlite", "postgres"] as const)("a refund on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("run", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.001" } });
  });
  afterAll(() => app.stop());

  const refund = (...of: Parameters<ClockedApp["refund"]>) => app.refund(...of);
  const linesOf = (answer: Awaited<ReturnType<typeof refund>>) =>
    (answer.transaction?.entries ?? []).map((entry) => [entry.accountId, entry.amountUsdMicros]);
  const debited = async (amountUsdMicros: bigint): Promise<{ alice: string; transactionId: string }> => {
    const alice = someone("alice");
    await app.credit(alice, amountUsdMicros);
    const { transaction } = await app.debit(alice, amountUsdMicros);
    return { alice, transactionId: transaction?.transactionId ?? "" };
  };
  /** A generation at this price with a LoRA of each creator, paid by someone who had just enough. */
  const settled = async (rateUsd: string, creators: readonly string[], spellCreator?: string) => {
    const alice = someone("alice");
    await app.credit(alice, 10_000n);
    const { generation } = await app.generations.createGeneration({
      requestId: randomUUID(),
      accountId: alice,
      toolId: "run",
      pricing: { unit: PricingUnit.RUN, rateUsd },
      attribution: {
        ...(spellCreator ? { spell: { spellId: `spell-of-${spellCreator}`, ownerAccountId: spellCreator } } : {}),
        loras: creators.map((ownerAccountId, index) => ({ loraId: `lora-${index}`, ownerAccountId })),
      },
    });
    const generationId = generation?.generationId ?? "";
    const { transaction } = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    return { alice, generationId, transactionId: transaction?.transactionId ?? "" };
  };
  const rewardsOf = async (accountId: string) => (await app.rewards.listRewards({ accountId })).rewards;
  const away = (fromAccountId: string, amountUsdMicros: bigint) =>
    app.economy.transfer({ requestId: randomUUID(), fromAccountId, toAccountId: someone("away"), amountUsdMicros });

  describe("of a debit", () => {
    it("in full gives all of it back from sys:revenue", async () => {
      const { alice, transactionId } = await debited(500n);
      const answer = await refund(transactionId);
      expect(linesOf(answer)).toEqual([
        [alice, 500n],
        ["sys:revenue", -500n],
      ]);
      expect(answer.transaction).toMatchObject({ type: TransactionType.REFUND, refundOfTransactionId: transactionId });
      expect(answer.balance).toMatchObject({ accountId: alice, balanceUsdMicros: 500n });
      const { transaction } = await app.economy.getTransaction({ transactionId });
      expect(transaction?.refundedUsdMicros).toBe(500n);
    });

    it("in parts never gives more than was taken", async () => {
      const { alice, transactionId } = await debited(500n);
      await refund(transactionId, 200n);
      await refund(transactionId, 299n);
      const { reason, metadata } = await refusalOf(refund(transactionId, 2n));
      expect(reason).toBe("REFUND_EXCEEDS_TRANSACTION");
      expect(metadata).toEqual({ transaction_id: transactionId, refundable_usd_micros: "1" });
      await refund(transactionId);
      for (const amount of [1n, "all"] as const) {
        expect((await refusalOf(refund(transactionId, amount))).metadata.refundable_usd_micros).toBe("0");
      }
      expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
    });

    it("is given 3 times when 10 calls want 30 of 100 at once", async () => {
      const { alice, transactionId } = await debited(100n);
      const answers = await Promise.allSettled(Array.from({ length: 10 }, () => refund(transactionId, 30n)));
      expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(3);
      expect(await app.balance(alice)).toEqual([90n, 0n, 90n, 0n]);
    });

    it("happens once for a repeated request_id", async () => {
      const { alice, transactionId } = await debited(100n);
      const order = {
        requestId: randomUUID(),
        transactionId,
        amount: { case: "amountUsdMicros" as const, value: 40n },
        reason: "too dark",
      };
      const first = await app.economy.refundTransaction(order);
      const answers = await Promise.all([app.economy.refundTransaction(order), app.economy.refundTransaction(order)]);
      for (const again of answers) expect(again).toEqual(first);
      expect(first.transaction?.description).toBe("too dark");
      expect(await app.balance(alice)).toEqual([40n, 0n, 40n, 0n]);
      const other = { ...order, amount: { case: "amountUsdMicros" as const, value: 41n } };
      expect((await refusalOf(app.economy.refundTransaction(other))).reason).toBe("IDEMPOTENCY_KEY_REUSED");
    });
  });

  it("of a captured hold gives back what was captured", async () => {
    const alice = someone("alice");
    await app.credit(alice, 500n);
    const { transaction } = await app.capture((await app.hold(alice, 300n)).holdId, 200n);
    const answer = await refund(transaction?.transactionId ?? "");
    expect(linesOf(answer)).toEqual([
      [alice, 200n],
      ["sys:revenue", -200n],
    ]);
    expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
  });

  describe("of a settlement", () => {
    it("is split over what is left of each part by largest remainder, base first, then as listed", async () => {
      // 101 to the platform, 5 % of it are 5.05: 3 to the first creator, 2 to the second. In all 106.
      const [anna, ben] = [someone("anna"), someone("ben")];
      const { alice, transactionId } = await settled("0.000101", [anna, ben]);
      // Halves of 101, 3 and 2: 50.5, 1.5, 1. The micro that is over goes to the base.
      expect(linesOf(await refund(transactionId, 53n))).toEqual([
        [alice, 53n],
        ["sys:revenue", -51n],
        [anna, -1n],
        [ben, -1n],
      ]);
      // 20/53 of the 50, 2 and 1 that are left: 18.87, 0.75, 0.38.
      expect(linesOf(await refund(transactionId, 20n))).toEqual([
        [alice, 20n],
        ["sys:revenue", -19n],
        [anna, -1n],
      ]);
      // The last one empties all.
      expect(linesOf(await refund(transactionId))).toEqual([
        [alice, 33n],
        ["sys:revenue", -31n],
        [anna, -1n],
        [ben, -1n],
      ]);
      expect(await app.balance(alice)).toEqual([10_000n, 0n, 10_000n, 0n]);
      for (const creator of [anna, ben]) expect(await app.balance(creator)).toEqual([0n, 0n, 0n, 0n]);
    });

    it("goes to the spell's creator before the LoRA's where their remainders tie", async () => {
      // 40 to the platform, 3 % twice: 1 and 1. In all 42; halves of it are 20, 0.5 and 0.5.
      const [anna, cleo] = [someone("anna"), someone("cleo")];
      const { alice, transactionId } = await settled("0.00004", [anna], cleo);
      expect(linesOf(await refund(transactionId, 21n))).toEqual([
        [alice, 21n],
        ["sys:revenue", -20n],
        [cleo, -1n],
      ]);
    });

    it("micro by micro moves no part backwards and ends at nothing", async () => {
      const [anna, ben] = [someone("anna"), someone("ben")];
      const { alice, transactionId } = await settled("0.00004", [anna, ben]);
      let [base, shares] = [0n, 0n];
      for (let index = 0; index < 42; index++) {
        for (const [accountId, amount] of linesOf(await refund(transactionId, 1n)) as [string, bigint][]) {
          if (accountId === alice) continue;
          expect(amount).toBeLessThan(0n);
          if (accountId === "sys:revenue") base -= amount;
          else shares -= amount;
        }
      }
      expect([base, shares]).toEqual([40n, 2n]);
      expect((await refusalOf(refund(transactionId, 1n))).reason).toBe("REFUND_EXCEEDS_TRANSACTION");
      expect(await app.balance(alice)).toEqual([10_000n, 0n, 10_000n, 0n]);
    });

    it("leaves the generation COMPLETED, its outputs released, and shows what was given back", async () => {
      const { generationId, transactionId } = await settled("0.001", []);
      const answer = await refund(transactionId);
      expect(answer.transaction).toMatchObject({ generationId, toolId: "run" });
      const { generation } = await app.generations.getGeneration({ generationId });
      expect(generation).toMatchObject({ state: GenerationState.COMPLETED, transactionId, totalCostUsdMicros: 1_000n });
      const { transaction } = await app.economy.getTransaction({ transactionId });
      expect(transaction?.refundedUsdMicros).toBe(1_000n);
      const again = { requestId: randomUUID(), generationId };
      expect((await refusalOf(app.generations.retryPayment(again))).reason).toBe("GENERATION_NOT_PAYABLE");
    });

    it("goes back to whoever was charged, not to whoever asked", async () => {
      const [alice, sponsor] = [someone("alice"), someone("sponsor")];
      const order = { requestId: randomUUID(), accountId: alice, toolId: "run" };
      const { generation } = await app.generations.createGeneration(order);
      const generationId = generation?.generationId ?? "";
      await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
      await app.credit(sponsor, 1_000n);
      const retry = { requestId: randomUUID(), generationId, payerAccountId: sponsor };
      const { transaction } = await app.generations.retryPayment(retry);
      expect((await refund(transaction?.transactionId ?? "")).balance?.accountId).toBe(sponsor);
      expect(await app.balance(sponsor)).toEqual([1_000n, 0n, 1_000n, 0n]);
    });
  });

  describe("claws back", () => {
    it("at most what a creator has available; sys:clawback_loss bears the rest", async () => {
      const anna = someone("anna");
      const { alice, transactionId } = await settled("0.001", [anna]);
      await away(anna, 40n);
      const loss = await app.platform("sys:clawback_loss");
      expect(linesOf(await refund(transactionId, 525n))).toEqual([
        [alice, 525n],
        ["sys:revenue", -500n],
        [anna, -10n],
        ["sys:clawback_loss", -15n],
      ]);
      await app.credit(anna, 1_000n);
      expect(linesOf(await refund(transactionId))).toEqual([
        [alice, 525n],
        ["sys:revenue", -500n],
        [anna, -25n],
      ]);
      expect(await app.platform("sys:clawback_loss")).toBe(loss - 15n);
      expect((await rewardsOf(anna))[0]).toMatchObject({ amountUsdMicros: 50n, clawedBackUsdMicros: 35n });
    });

    it("nothing that a creator's hold covers", async () => {
      const anna = someone("anna");
      const { transactionId } = await settled("0.001", [anna]);
      await app.hold(anna, 45n);
      const lines = linesOf(await refund(transactionId));
      expect(lines.slice(2)).toEqual([
        [anna, -5n],
        ["sys:clawback_loss", -45n],
      ]);
      expect(await app.balance(anna)).toEqual([45n, 45n, 0n, 0n]);
    });

    it("nothing from a creator who has nothing, who gets no entry", async () => {
      const anna = someone("anna");
      const { transactionId } = await settled("0.001", [anna]);
      await away(anna, 50n);
      expect(linesOf(await refund(transactionId)).slice(1)).toEqual([
        ["sys:revenue", -1_000n],
        ["sys:clawback_loss", -50n],
      ]);
      expect((await rewardsOf(anna))[0]?.clawedBackUsdMicros).toBe(0n);
    });

    it("nothing at all with claw_back_rewards=false: sys:clawback_loss bears all shares", async () => {
      const [anna, ben] = [someone("anna"), someone("ben")];
      const { alice, transactionId } = await settled("0.001", [anna, ben]);
      expect(linesOf(await refund(transactionId, "all", false))).toEqual([
        [alice, 1_050n],
        ["sys:revenue", -1_000n],
        ["sys:clawback_loss", -50n],
      ]);
      expect(await app.balance(anna)).toEqual([25n, 0n, 25n, 0n]);
      expect((await rewardsOf(ben))[0]?.clawedBackUsdMicros).toBe(0n);
    });

    it("by default, and if told so", async () => {
      const [anna, ben] = [someone("anna"), someone("ben")];
      await refund((await settled("0.001", [anna])).transactionId, "all", true);
      await refund((await settled("0.001", [ben])).transactionId);
      expect([await app.balance(anna), await app.balance(ben)]).toEqual([
        [0n, 0n, 0n, 0n],
        [0n, 0n, 0n, 0n],
      ]);
    });

    it("the first of a creator's two shares before the second, in one entry", async () => {
      const anna = someone("anna");
      const { transactionId } = await settled("0.001", [anna, anna]);
      await away(anna, 20n);
      expect(linesOf(await refund(transactionId)).slice(2)).toEqual([
        [anna, -30n],
        ["sys:clawback_loss", -20n],
      ]);
      const byAsset = new Map((await rewardsOf(anna)).map((reward) => [reward.assetId, reward.clawedBackUsdMicros]));
      expect(byAsset).toEqual(
        new Map([
          ["lora-0", 25n],
          ["lora-1", 5n],
        ]),
      );
    });

    it("on the day it is taken, not on the day it was earned", async () => {
      const anna = someone("anna");
      const startTime = app.in(0);
      const { transactionId } = await settled("0.001", [anna]);
      app.pass(2 * DAY_SECONDS);
      await refund(transactionId, 630n);
      const earnings = await app.rewards.getEarnings({ accountId: anna });
      expect(earnings).toMatchObject({ grossUsdMicros: 50n, clawedBackUsdMicros: 30n, totalUsdMicros: 20n });
      const buckets = earnings.buckets.map((each) => [
        Number((each.startTime?.seconds ?? 0n) - startTime.seconds + 43_200n) / DAY_SECONDS,
        each.earnedUsdMicros,
        each.clawedBackUsdMicros,
        each.uses,
      ]);
      const day = (buckets[0]?.[0] as number) ?? 0;
      expect(buckets).toEqual([
        [day, 50n, 0n, 1n],
        [day + 2, 0n, 30n, 0n],
      ]);
      const onlyLater = await app.rewards.getEarnings({ accountId: anna, startTime: app.in(-DAY_SECONDS) });
      expect(onlyLater).toMatchObject({ grossUsdMicros: 0n, clawedBackUsdMicros: 30n, totalUsdMicros: -30n });
    });
  });
});
