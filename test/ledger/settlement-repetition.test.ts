import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../../src/domain/generation/generation.js";
import type { Pricing } from "../../src/domain/pricing.js";
import type { CompleteGenerationInput } from "../../src/ledger/commands/complete-generation.js";
import { RUN_TOOL, SECOND_TOOL } from "../support/commands.js";
import { outputOf, someone, TestLedger } from "../support/ledger.js";
import { describeStores } from "../support/stores.js";

const SECOND = 1_000_000n;
const FAILURES = ["FAILED", "TIMED_OUT", "CANCELLED"] as const;
const FREE: Pricing = { unit: "FREE", rateUsd: "", multiplier: "1", minimumChargeUsdMicros: 0n };

describeStores("a completion that comes again", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  /** Of an account with ten dollars; the run took five seconds at a thousandth of a dollar, 5,000 micros. */
  const ended = async (
    outcome: Outcome,
    input: Partial<CompleteGenerationInput> = {},
  ): Promise<{ generationId: string; payer: string }> => {
    const payer = someone("payer");
    await ledger.fund(payer, 10_000_000n);
    const generationId = await ledger.create({ accountId: payer, tool: SECOND_TOOL });
    const usage = { runDurationMicros: 5n * SECOND };
    await ledger.complete(generationId, { outcome, usage, ...input });
    return { generationId, payer };
  };

  /** Sends a completion that must conflict, and sees that nothing has changed but the record of it. */
  const expectConflict = async (generationId: string, input: Partial<CompleteGenerationInput>): Promise<void> => {
    const { conflicts: _, ...before } = await ledger.generation(generationId);
    await expect(ledger.complete(generationId, input)).rejects.toMatchObject({
      reason: "GENERATION_ALREADY_FINAL",
      metadata: { generation_id: generationId, state: before.state },
    });
    expect(await ledger.generation(generationId)).toMatchObject(before);
  };

  const conflictsOf = async (generationId: string) =>
    (await ledger.events(generationId)).filter((event) => event.type === "CONFLICTING_COMPLETION");

  describe("repeated", () => {
    it("returns the first result with already_final and charges nothing", async () => {
      const { generationId, payer } = await ended("SUCCEEDED", { outputs: [outputOf("first.png")] });
      const first = await ledger.generation(generationId);
      const again = await ledger.complete(generationId, { outputs: [outputOf("second.png")], errorMessage: "late" });
      expect(again).toMatchObject({ alreadyFinal: true, posted: undefined });
      expect(again.generation).toEqual(first);
      expect(await ledger.generation(generationId)).toEqual(first);
      expect(await ledger.balances(payer)).toEqual([9_995_000n]);
      expect(await ledger.eventTypes(generationId)).toEqual(["COMPLETED"]);
    });

    it("in one batch settles once, however often", async () => {
      const payer = someone("payer");
      await ledger.fund(payer, 10_000_000n);
      const generationId = await ledger.create({ accountId: payer });
      const answers = await Promise.all(Array.from({ length: 50 }, () => ledger.complete(generationId)));
      expect(answers.filter((answer) => !answer.alreadyFinal)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.generation.transactionId)).size).toBe(1);
      expect(await ledger.entryCount(payer)).toBe(2n);
    });

    it("never retries a payment", async () => {
      const payer = someone("payer");
      const generationId = await ledger.create({ accountId: payer });
      await ledger.complete(generationId);
      await ledger.fund(payer, 10_000_000n);
      const again = await ledger.complete(generationId);
      expect(again).toMatchObject({ alreadyFinal: true, generation: { state: "PAYMENT_FAILED" } });
      expect(await ledger.balances(payer)).toEqual([10_000_000n]);
    });

    it.each<[string, Partial<CompleteGenerationInput>]>([
      ["another duration", { usage: { runDurationMicros: 900n * SECOND } }],
      ["a quantity", { usage: { quantity: 12n } }],
      ["other times", { startTime: 1n, endTime: 2n }],
      ["no cost at all", {}],
      ["the recorded cost as its final cost", { usage: { finalCostUsdMicros: 5_000n } }],
    ])("with %s is no conflict", async (_, input) => {
      const { generationId, payer } = await ended("SUCCEEDED");
      expect((await ledger.complete(generationId, input)).alreadyFinal).toBe(true);
      expect(await conflictsOf(generationId)).toEqual([]);
      expect(await ledger.balances(payer)).toEqual([9_995_000n]);
    });

    it("with any final cost is no conflict for a FREE generation", async () => {
      const generationId = await ledger.create({ accountId: someone("guest"), pricing: FREE });
      await ledger.complete(generationId);
      const again = await ledger.complete(generationId, { usage: { finalCostUsdMicros: 5n } });
      expect(again).toMatchObject({ alreadyFinal: true, generation: { state: "COMPLETED", baseCostUsdMicros: 0n } });
    });

    it.each(FAILURES.flatMap((first) => FAILURES.map((second) => [second, first] as const)))(
      "as %s after %s is no conflict: they are one kind",
      async (second, first) => {
        const { generationId } = await ended(first);
        const before = await ledger.generation(generationId);
        expect((await ledger.complete(generationId, { outcome: second })).alreadyFinal).toBe(true);
        expect(await ledger.generation(generationId)).toEqual(before);
        expect(await ledger.eventTypes(generationId)).toEqual([first === "CANCELLED" ? "CANCELLED" : "FAILED"]);
      },
    );
  });

  describe("in conflict", () => {
    it.each(FAILURES)("is a success after %s: nobody is charged", async (outcome) => {
      const { generationId, payer } = await ended(outcome);
      await expectConflict(generationId, { usage: { runDurationMicros: SECOND }, outputs: [outputOf("late.png")] });
      expect(await ledger.balances(payer)).toEqual([10_000_000n]);
    });

    it.each(FAILURES)("is %s after a success: nothing is given back", async (outcome) => {
      const { generationId, payer } = await ended("SUCCEEDED");
      await expectConflict(generationId, { outcome, errorMessage: "late" });
      expect(await ledger.balances(payer)).toEqual([9_995_000n]);
    });

    it("is a failure after a success that nobody could pay for", async () => {
      const generationId = await ledger.create({ accountId: someone("poor") });
      await ledger.complete(generationId);
      await expectConflict(generationId, { outcome: "FAILED" });
      expect(await ledger.eventTypes(generationId)).toEqual(["PAYMENT_FAILED", "CONFLICTING_COMPLETION"]);
    });

    it.each([4_999n, 5_001n])("is an explicit final cost of %d after one of 5,000", async (finalCostUsdMicros) => {
      const { generationId, payer } = await ended("SUCCEEDED");
      await expectConflict(generationId, { usage: { finalCostUsdMicros } });
      expect(await ledger.balances(payer)).toEqual([9_995_000n]);
    });

    it("is an explicit final cost other than the one that waits for payment", async () => {
      const generationId = await ledger.create({ accountId: someone("poor") });
      await ledger.complete(generationId);
      await expectConflict(generationId, { usage: { finalCostUsdMicros: 1n } });
    });

    it("appends one event for each distinct outcome and cost", async () => {
      const { generationId } = await ended("SUCCEEDED");
      const late: Partial<CompleteGenerationInput>[] = [
        { outcome: "FAILED" },
        { outcome: "FAILED", errorMessage: "again" },
        { outcome: "TIMED_OUT" },
        { usage: { finalCostUsdMicros: 6n } },
        { usage: { finalCostUsdMicros: 6n } },
        { usage: { finalCostUsdMicros: 7n } },
      ];
      for (const input of late) await expectConflict(generationId, input);
      expect((await conflictsOf(generationId)).map((event) => event.details)).toEqual([
        { outcome: "FAILED" },
        { outcome: "TIMED_OUT" },
        { outcome: "SUCCEEDED", final_cost_usd_micros: "6" },
        { outcome: "SUCCEEDED", final_cost_usd_micros: "7" },
      ]);
    });

    it("is recorded once when the same conflict comes twice in one batch", async () => {
      const { generationId } = await ended("SUCCEEDED");
      await Promise.allSettled([1, 2].map(() => ledger.complete(generationId, { outcome: "CANCELLED" })));
      expect(await conflictsOf(generationId)).toHaveLength(1);
    });

    it("is recorded 20 times at most, and refused ever after", async () => {
      const { generationId } = await ended("SUCCEEDED");
      for (let cost = 1n; cost <= 25n; cost++) {
        await expectConflict(generationId, { usage: { finalCostUsdMicros: cost } });
      }
      expect(await conflictsOf(generationId)).toHaveLength(20);
    });

    it("attaches no run", async () => {
      const { generationId } = await ended("FAILED");
      await expectConflict(generationId, { ref: { generationId, runId: `run-${uuidv7()}` } });
    });
  });

  it("under another run id is refused, even if it would repeat the first", async () => {
    const payer = someone("payer");
    await ledger.fund(payer, 10_000_000n);
    const runId = `run-${uuidv7()}`;
    const generationId = await ledger.create({ accountId: payer, tool: RUN_TOOL, runId });
    await ledger.complete(generationId);
    const other = ledger.complete(generationId, { ref: { generationId, runId: `run-${uuidv7()}` } });
    await expect(other).rejects.toMatchObject({
      reason: "RUN_ALREADY_ATTACHED",
      metadata: { generation_id: generationId, run_id: runId },
    });
  });
});
