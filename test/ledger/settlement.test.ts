import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADR_012_POLICY } from "../../src/domain/fees.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { LedgerTransaction } from "../../src/storage/store.js";
import { completionOf, creditOf, policyOf, RUN_TOOL } from "../support/commands.js";
import { linesOf, loraOf, outputOf, someone, TestLedger } from "../support/ledger.js";
import { withTransactions } from "../support/store-faults.js";
import { describeStores } from "../support/stores.js";

/** A run costs one dollar, 1,000,000 micros, so the fee on a LoRA is 50,000. */
describeStores("settlement", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  describe("a successful completion", () => {
    it("takes base and fee from the payer and gives base to revenue and each creator their share", async () => {
      const [alice, anna, carol] = [someone("alice"), someone("anna"), someone("carol")];
      await ledger.fund(alice, 2_000_000n);
      const attribution = { spell: { spellId: "spell", ownerAccountId: carol }, loras: [loraOf(anna, "x")] };
      const generationId = await ledger.create({ accountId: alice, attribution });
      const { generation, posted } = await ledger.complete(generationId);
      expect(linesOf(posted)).toEqual([
        [alice, -1_060_000n],
        ["sys:revenue", 1_000_000n],
        [carol, 30_000n],
        [anna, 30_000n],
      ]);
      expect(await ledger.balances(alice, carol, anna)).toEqual([940_000n, 30_000n, 30_000n]);
      expect(await ledger.rewards(carol)).toEqual([["spell", 30_000n]]);
      expect(await ledger.rewards(anna)).toEqual([["x", 30_000n]]);
      expect(generation).toMatchObject({ baseCostUsdMicros: 1_000_000n, feeUsdMicros: 60_000n });
    });

    it("sets the generation COMPLETED with its transaction id, and appends one event", async () => {
      const alice = someone("alice");
      await ledger.fund(alice, 1_000_000n);
      const generationId = await ledger.create({ accountId: alice });
      const transactionId = uuidv7();
      await ledger.complete(generationId, { transactionId });
      const settled = { state: "COMPLETED", stateReason: "", transactionId, chargedAccountId: alice };
      expect(await ledger.generation(generationId)).toMatchObject(settled);
      const read = await ledger.store.transaction(transactionId);
      expect(read?.transaction).toMatchObject({ type: "GENERATION_SETTLEMENT", generationId, toolId: "flux" });
      expect(await ledger.eventTypes(generationId)).toEqual(["COMPLETED"]);
    });

    it("gives an owner of two LoRAs two rewards and one entry", async () => {
      const [alice, anna] = [someone("alice"), someone("anna")];
      await ledger.fund(alice, 2_000_000n);
      const attribution = { loras: [loraOf(anna, "x"), loraOf(anna, "y")] };
      const { posted } = await ledger.complete(await ledger.create({ accountId: alice, attribution }));
      expect(linesOf(posted).slice(2)).toEqual([[anna, 50_000n]]);
      expect((await ledger.rewards(anna)).sort()).toEqual([
        ["x", 25_000n],
        ["y", 25_000n],
      ]);
    });

    it.each<[string, (transaction: LedgerTransaction) => Partial<LedgerTransaction>]>([
      [
        "before its rows are written",
        () => ({
          async save() {
            throw new Error("the store gave up");
          },
        }),
      ],
      [
        "after its rows are written",
        (transaction) => ({
          async save(changes) {
            await transaction.save(changes);
            throw new Error("the store gave up");
          },
        }),
      ],
    ])("leaves nothing if its batch fails %s, and settles when tried again", async (_, broken) => {
      const [alice, anna] = [someone("alice"), someone("anna")];
      await ledger.fund(alice, 2_000_000n);
      const generationId = await ledger.create({ accountId: alice, attribution: { loras: [loraOf(anna, "x")] } });
      const before = await ledger.generation(generationId);
      const command = completionOf(generationId, { outputs: [outputOf("a.png")] });

      const broke = new LedgerWriter(withTransactions(ledger.store, broken));
      await expect(broke.submit(command)).rejects.toThrow("the store gave up");
      expect(await ledger.generation(generationId)).toEqual(before);
      expect(await ledger.balances(alice, anna)).toEqual([2_000_000n, 0n]);
      expect(await ledger.rewards(anna)).toEqual([]);
      expect(await ledger.events(generationId)).toEqual([]);

      await ledger.writer.submit(command);
      expect(await ledger.balances(alice, anna)).toEqual([950_000n, 50_000n]);
    });
  });

  describe("the payer", () => {
    it("is tried first, though the fallback has the money too", async () => {
      const [alice, team] = [someone("alice"), someone("team")];
      await ledger.fund(alice, 1_000_000n);
      await ledger.fund(team, 1_000_000n);
      const generationId = await ledger.create({ accountId: alice, fallbackPayerAccountId: team });
      expect((await ledger.complete(generationId)).generation.chargedAccountId).toBe(alice);
      expect(await ledger.balances(alice, team)).toEqual([0n, 1_000_000n]);
    });

    it("need not be the one who asked", async () => {
      const [alice, team] = [someone("alice"), someone("team")];
      await ledger.fund(team, 1_000_000n);
      const generationId = await ledger.create({ accountId: alice, payerAccountId: team });
      expect((await ledger.complete(generationId)).generation.chargedAccountId).toBe(team);
    });

    it("gives way to the fallback when short by a micro; charged_account_id says who paid", async () => {
      const [alice, team] = [someone("alice"), someone("team")];
      await ledger.fund(alice, 999_999n);
      await ledger.fund(team, 1_000_000n);
      const generationId = await ledger.create({ accountId: alice, fallbackPayerAccountId: team });
      expect((await ledger.complete(generationId)).generation.chargedAccountId).toBe(team);
      expect(await ledger.balances(alice, team)).toEqual([999_999n, 0n]);
    });
  });

  describe("the fallback payer", () => {
    it("owes no fee on its own LoRA, though the payer would have", async () => {
      const [alice, team] = [someone("alice"), someone("team")];
      await ledger.fund(alice, 1_049_999n);
      await ledger.fund(team, 1_000_000n);
      const attribution = { loras: [loraOf(team)] };
      const generationId = await ledger.create({ accountId: alice, fallbackPayerAccountId: team, attribution });
      const { generation } = await ledger.complete(generationId);
      expect(generation).toMatchObject({ state: "COMPLETED", chargedAccountId: team, feeUsdMicros: 0n });
      expect(await ledger.balances(alice, team)).toEqual([1_049_999n, 0n]);
    });

    it("owes a fee on the payer's LoRA, though the payer would not have", async () => {
      const [asker, payer, team] = [someone("asker"), someone("payer"), someone("team")];
      await ledger.fund(payer, 999_999n);
      await ledger.fund(team, 1_050_000n);
      const attribution = { loras: [loraOf(payer)] };
      const payers = { payerAccountId: payer, fallbackPayerAccountId: team };
      const generationId = await ledger.create({ accountId: asker, ...payers, attribution });
      const { generation } = await ledger.complete(generationId);
      expect(generation).toMatchObject({ state: "COMPLETED", chargedAccountId: team, feeUsdMicros: 50_000n });
      expect(await ledger.balances(payer, team)).toEqual([1_049_999n, 0n]);
    });

    it("does not pay if it has the base but not its own fee", async () => {
      const [asker, payer, team] = [someone("asker"), someone("payer"), someone("team")];
      await ledger.fund(team, 1_049_999n);
      const attribution = { loras: [loraOf(payer)] };
      const payers = { payerAccountId: payer, fallbackPayerAccountId: team };
      const generationId = await ledger.create({ accountId: asker, ...payers, attribution });
      expect((await ledger.complete(generationId)).generation.state).toBe("PAYMENT_FAILED");
      expect(await ledger.balances(payer, team)).toEqual([0n, 1_049_999n]);
    });
  });

  describe("if nobody can pay", () => {
    it("the base is recorded, no entry is written and creators get nothing", async () => {
      const [alice, team, anna] = [someone("alice"), someone("team"), someone("anna")];
      await ledger.fund(alice, 1_049_999n);
      const attribution = { loras: [loraOf(anna)] };
      const generationId = await ledger.create({ accountId: alice, fallbackPayerAccountId: team, attribution });
      const { generation, posted } = await ledger.complete(generationId);
      expect(posted).toBeUndefined();
      expect(generation).toMatchObject({
        state: "PAYMENT_FAILED",
        stateReason: "INSUFFICIENT_FUNDS",
        baseCostUsdMicros: 1_000_000n,
        feeUsdMicros: 0n,
        chargedAccountId: "",
        transactionId: "",
      });
      expect(await ledger.entryCount(alice)).toBe(1n);
      expect(await ledger.balances(alice, team, anna)).toEqual([1_049_999n, 0n, 0n]);
      expect(await ledger.rewards(anna)).toEqual([]);
    });

    it("an event names the payer's shortfall and how to retry", async () => {
      const [alice, team, anna] = [someone("alice"), someone("team"), someone("anna")];
      await ledger.fund(alice, 40_000n);
      await ledger.fund(team, 900_000n);
      const attribution = { loras: [loraOf(anna)] };
      const generationId = await ledger.create({ accountId: alice, fallbackPayerAccountId: team, attribution });
      await ledger.complete(generationId);
      const [event, ...others] = await ledger.events(generationId);
      expect(others).toEqual([]);
      expect(event).toMatchObject({
        type: "PAYMENT_FAILED",
        details: {
          reason: "INSUFFICIENT_FUNDS",
          account_id: alice,
          available_usd_micros: "40000",
          required_usd_micros: "1050000",
          shortfall_usd_micros: "1010000",
          retry_method: "stationthis.generation.v1.GenerationService/RetryPayment",
        },
      });
    });

    it("an account that never had an entry counts as having 0 available", async () => {
      const nobody = someone("nobody");
      const generationId = await ledger.create({ accountId: nobody });
      await ledger.complete(generationId);
      expect((await ledger.events(generationId))[0]?.details).toMatchObject({ available_usd_micros: "0" });
      expect(await ledger.store.accounts([nobody])).toEqual([]);
    });
  });

  it("by default money that arrives pays for nothing by itself", async () => {
    const alice = someone("alice");
    const generationId = await ledger.create({ accountId: alice });
    await ledger.complete(generationId);
    await ledger.fund(alice, 5_000_000n);
    expect(await ledger.generation(generationId)).toMatchObject({ state: "PAYMENT_FAILED" });
    expect(await ledger.balances(alice)).toEqual([5_000_000n]);
  });

  describe("what was fixed at creation", () => {
    it("is the policy: another one in force later changes no fee", async () => {
      const [alice, anna] = [someone("alice"), someone("anna")];
      await ledger.fund(alice, 2_000_000n);
      const policyThen = {
        ...ADR_012_POLICY,
        ...{ policyId: uuidv7(), loraFeeBps: 1_000, spellFeeBps: 0, spellCreatorBps: 0 },
      };
      await ledger.writer.submit(policyOf(policyThen));
      const attribution = { loras: [loraOf(anna)] };
      const generationId = await ledger.create({ accountId: alice, attribution });
      await ledger.writer.submit(policyOf({}));
      const { posted } = await ledger.complete(generationId);
      expect(await ledger.balances(anna)).toEqual([100_000n]);
      expect((await ledger.generation(generationId)).rewardPolicy).toEqual(policyThen);
      expect(posted?.transaction.rewardPolicyId).toBe(policyThen.policyId);
    });

    it("is the price: the tool's, or the one given instead", async () => {
      const alice = someone("alice");
      await ledger.fund(alice, 10_000_000n);
      const pricing = { ...RUN_TOOL.pricing, rateUsd: "0.25" };
      const generationId = await ledger.create({ accountId: alice, pricing });
      expect((await ledger.complete(generationId)).generation.baseCostUsdMicros).toBe(250_000n);
    });
  });

  describe("a cost past the limit of one operation", () => {
    const pricing = { ...RUN_TOOL.pricing, rateUsd: "1000000" };

    it.each([
      ["is refused for its base", { ...pricing, multiplier: "1.000000000001" }, [], "1000000000001"],
      ["is refused for base and fee together", pricing, [loraOf("anna")], "1050000000000"],
    ])("%s, and changes nothing", async (_, dear, loras, amount) => {
      const alice = someone("alice");
      for (let index = 0; index < 2; index++) await ledger.fund(alice, 1_000_000_000_000n);
      const generationId = await ledger.create({ accountId: alice, pricing: dear, attribution: { loras } });
      const before = await ledger.generation(generationId);
      await expect(ledger.complete(generationId)).rejects.toMatchObject({
        reason: "AMOUNT_OUT_OF_RANGE",
        metadata: { amount_usd_micros: amount, limit_usd_micros: "1000000000000" },
      });
      expect(await ledger.generation(generationId)).toEqual(before);
      expect(await ledger.balances(alice)).toEqual([2_000_000_000_000n]);
    });

    it("is exactly a million dollars at most", async () => {
      const alice = someone("alice");
      await ledger.fund(alice, 1_000_000_000_000n);
      const generationId = await ledger.create({ accountId: alice, pricing });
      expect((await ledger.complete(generationId)).generation.state).toBe("COMPLETED");
    });
  });

  it("a settlement in the same batch as the credit that pays for it finds the money", async () => {
    const alice = someone("alice");
    const generationId = await ledger.create({ accountId: alice });
    const [, settled] = await Promise.all([
      ledger.writer.submit(creditOf({ accountId: alice, amountUsdMicros: 1_000_000n })),
      ledger.complete(generationId),
    ]);
    expect(settled.generation.state).toBe("COMPLETED");
  });
});
