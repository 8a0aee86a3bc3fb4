import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Generation } from "../../src/domain/generation/generation.js";
import type { Pricing } from "../../src/domain/pricing.js";
import { retryOf, SECOND_TOOL } from "../support/commands.js";
import { outputOf, someone, TestLedger } from "../support/ledger.js";
import { describeStores } from "../support/stores.js";

const FREE: Pricing = { unit: "FREE", rateUsd: "", multiplier: "1", minimumChargeUsdMicros: 0n };

describeStores("the end of a run", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  describe("that failed", () => {
    it.each([
      ["FAILED", "FAILED", "RUN_FAILED"],
      ["TIMED_OUT", "FAILED", "TIMED_OUT"],
      ["CANCELLED", "CANCELLED", ""],
    ] as const)("as %s costs nothing, whatever cost is given", async (outcome, state, stateReason) => {
      const alice = someone("alice");
      await ledger.fund(alice, 5_000_000n);
      const generationId = await ledger.create({ accountId: alice });
      const { generation, posted } = await ledger.complete(generationId, {
        outcome,
        usage: { finalCostUsdMicros: 900n },
        errorMessage: "out of memory",
      });
      expect(posted).toBeUndefined();
      const ended = { state, stateReason, baseCostUsdMicros: null, feeUsdMicros: 0n, transactionId: "" };
      expect(generation).toMatchObject({ ...ended, chargedAccountId: "", errorMessage: "out of memory" });
      expect(await ledger.entryCount(alice)).toBe(1n);
      expect(await ledger.eventTypes(generationId)).toEqual([state]);
    });

    it("needs no price: seconds never seen to start still end as FAILED", async () => {
      const generationId = await ledger.create({ accountId: someone("alice"), tool: SECOND_TOOL });
      const { generation } = await ledger.complete(generationId, { outcome: "FAILED" });
      expect(generation).toMatchObject({ state: "FAILED", stateReason: "RUN_FAILED" });
    });
  });

  describe("that succeeded", () => {
    it("without outputs is charged like any other", async () => {
      const alice = someone("alice");
      await ledger.fund(alice, 5_000_000n);
      const generationId = await ledger.create({ accountId: alice });
      await ledger.complete(generationId, { outputs: [] });
      expect(await ledger.generation(generationId)).toMatchObject({ state: "COMPLETED", outputs: [] });
      expect(await ledger.balances(alice)).toEqual([4_000_000n]);
    });

    it("with FREE pricing is released without a transaction, whatever cost is given", async () => {
      const [guest, anna] = [someone("guest"), someone("anna")];
      const attribution = { loras: [{ loraId: "x", ownerAccountId: anna }] };
      const generationId = await ledger.create({ accountId: guest, pricing: FREE, attribution });
      const { generation, posted } = await ledger.complete(generationId, { usage: { finalCostUsdMicros: 5n } });
      expect(posted).toBeUndefined();
      expect(generation).toMatchObject({ state: "COMPLETED", baseCostUsdMicros: 0n, feeUsdMicros: 0n });
      expect(generation).toMatchObject({ transactionId: "", chargedAccountId: "" });
      expect(await ledger.store.accounts([guest, anna])).toEqual([]);
      expect(await ledger.eventTypes(generationId)).toEqual(["COMPLETED"]);
    });
  });

  describe("is final:", () => {
    const reach: Record<string, (generationId: string, payer: string) => Promise<unknown>> = {
      async COMPLETED(generationId, payer) {
        await ledger.fund(payer, 1_000_000n);
        await ledger.complete(generationId);
      },
      PAYMENT_FAILED: (generationId) => ledger.complete(generationId),
      FAILED: (generationId) => ledger.complete(generationId, { outcome: "TIMED_OUT" }),
      CANCELLED: (generationId) => ledger.complete(generationId, { outcome: "CANCELLED" }),
    };

    it.each(Object.keys(reach))("%s doesn't change by any report or completion", async (state) => {
      const payer = someone("payer");
      const generationId = await ledger.create({ accountId: payer });
      await reach[state]?.(generationId, payer);
      const before = await ledger.generation(generationId);
      expect(before.state).toBe(state);

      await ledger.report(generationId, { status: "running", progress: 0.1, outputs: [outputOf("late.png")] });
      for (const outcome of ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED"] as const) {
        await ledger.complete(generationId, { outcome, outputs: [outputOf("late.png")] }).catch(() => {});
      }
      expect(lasting(await ledger.generation(generationId))).toEqual(lasting(before));
    });

    it("PAYMENT_FAILED → COMPLETED is the only way out, and one way", async () => {
      const payer = someone("payer");
      const generationId = await ledger.create({ accountId: payer });
      await ledger.complete(generationId);
      await ledger.fund(payer, 2_000_000n);
      await ledger.writer.submit(retryOf({ generationId }));
      await ledger.complete(generationId, { outcome: "FAILED" }).catch(() => {});
      await expect(ledger.writer.submit(retryOf({ generationId }))).rejects.toThrow();
      expect((await ledger.generation(generationId)).state).toBe("COMPLETED");
      expect(await ledger.balances(payer)).toEqual([1_000_000n]);
    });
  });
});

/** All but the record of conflicts. */
function lasting({ conflicts: _, ...generation }: Generation): Omit<Generation, "conflicts"> {
  return generation;
}
