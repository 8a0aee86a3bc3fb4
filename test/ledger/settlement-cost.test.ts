import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Pricing } from "../../src/domain/pricing.js";
import type { CompleteGenerationInput } from "../../src/ledger/commands/complete-generation.js";
import { reportProgress } from "../../src/ledger/commands/report-progress.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import { completionOf, generationOf, retryOf, SECOND_TOOL } from "../support/commands.js";
import { someone, TestLedger } from "../support/ledger.js";
import { withClock } from "../support/store-faults.js";
import { describeStores } from "../support/stores.js";

const PER_SECOND = SECOND_TOOL.pricing;
const PER_TOKEN: Pricing = { unit: "TOKEN", rateUsd: "0.000002", multiplier: "1", minimumChargeUsdMicros: 0n };

const SECOND = 1_000_000n;
/** Some moment that callers' own clocks say, in microseconds. */
const T = 1_700_000_000n * SECOND;

/** A second costs a thousandth of a dollar, 1,000 micros. */
describeStores("the cost of a run", (makeDatabase) => {
  let ledger: TestLedger;
  let alice: string;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  beforeEach(async () => {
    alice = someone("alice");
    await ledger.fund(alice, 100_000_000n);
  });
  afterAll(() => ledger.stop());

  const create = (pricing: Pricing) => ledger.create({ accountId: alice, pricing });
  const runningFrom = async (startTime: bigint, pricing = PER_SECOND): Promise<string> => {
    const generationId = await create(pricing);
    await ledger.report(generationId, { status: "running", observeTime: startTime });
    return generationId;
  };
  const costOf = async (generationId: string, input: Partial<CompleteGenerationInput>) =>
    (await ledger.complete(generationId, input)).generation.baseCostUsdMicros;

  describe("comes", () => {
    it("first from the final cost given", async () => {
      const usage = { finalCostUsdMicros: 77n, runDurationMicros: 5n * SECOND, quantity: 9n };
      expect(await costOf(await runningFrom(T), { usage, endTime: T + 30n * SECOND })).toBe(77n);
    });

    it("then from the duration given", async () => {
      const usage = { runDurationMicros: 5n * SECOND };
      expect(await costOf(await runningFrom(T), { usage, endTime: T + 30n * SECOND })).toBe(5_000n);
    });

    it("or from the quantity given, where tokens are billed", async () => {
      expect(await costOf(await create(PER_TOKEN), { usage: { quantity: 1_500n } })).toBe(3_000n);
    });

    it("last from the recorded start and end: 30 s at 0.001 are 30,000 micros", async () => {
      expect(await costOf(await runningFrom(T), { endTime: T + 30n * SECOND })).toBe(30_000n);
    });

    it("from nothing but the price where runs are billed", async () => {
      const pricing: Pricing = { ...PER_SECOND, unit: "RUN", rateUsd: "0.5" };
      expect(await costOf(await create(pricing), {})).toBe(500_000n);
    });
  });

  describe("the minimum charge", () => {
    const pricing = { ...PER_SECOND, minimumChargeUsdMicros: 10_000n };

    it("raises a computed cost", async () => {
      expect(await costOf(await create(pricing), { usage: { runDurationMicros: SECOND } })).toBe(10_000n);
    });

    it("leaves a final cost that was given alone", async () => {
      expect(await costOf(await create(pricing), { usage: { finalCostUsdMicros: 1n } })).toBe(1n);
    });
  });

  describe("that can't be determined", () => {
    it.each([
      ["seconds are billed and no start was seen", PER_SECOND, {}],
      ["tokens are billed and no quantity is given", PER_TOKEN, { runDurationMicros: SECOND }],
    ])("is never free: PAYMENT_FAILED if %s", async (_, pricing, usage) => {
      const generationId = await create(pricing);
      const { generation } = await ledger.complete(generationId, { usage });
      expect(generation).toMatchObject({
        state: "PAYMENT_FAILED",
        stateReason: "COST_UNDETERMINED",
        baseCostUsdMicros: null,
        transactionId: "",
      });
      const events = await ledger.events(generationId);
      expect(events).toMatchObject([{ type: "PAYMENT_FAILED", details: { reason: "COST_UNDETERMINED" } }]);
      expect(await ledger.balances(alice)).toEqual([100_000_000n]);
    });

    const undetermined = async (pricing = PER_SECOND): Promise<string> => {
      const generationId = await create(pricing);
      await ledger.complete(generationId, { endTime: T + 30n * SECOND });
      return generationId;
    };

    it.each<[string, Pricing, Partial<CompleteGenerationInput>, bigint]>([
      ["a duration", PER_SECOND, { usage: { runDurationMicros: 7n * SECOND } }, 7_000n],
      ["a final cost", PER_SECOND, { usage: { finalCostUsdMicros: 42n } }, 42n],
      ["a start, with the end as first observed", PER_SECOND, { startTime: T, endTime: T + 90n * SECOND }, 30_000n],
      ["a quantity", PER_TOKEN, { usage: { quantity: 5n } }, 10n],
    ])("is settled by one late success that gives %s", async (_, pricing, late, cost) => {
      const generationId = await undetermined(pricing);
      const { generation, alreadyFinal } = await ledger.complete(generationId, late);
      expect(generation).toMatchObject({ state: "COMPLETED", stateReason: "", baseCostUsdMicros: cost });
      expect(alreadyFinal).toBe(false);
      expect(await ledger.balances(alice)).toEqual([100_000_000n - cost]);
      expect(await ledger.eventTypes(generationId)).toEqual(["PAYMENT_FAILED", "COMPLETED"]);

      const repeated = await ledger.complete(generationId, late);
      expect(repeated.alreadyFinal).toBe(true);
      expect(await ledger.balances(alice)).toEqual([100_000_000n - cost]);
    });

    it("stays so after a late success that doesn't determine it either", async () => {
      const generationId = await undetermined();
      const { generation, alreadyFinal } = await ledger.complete(generationId, { usage: { quantity: 3n } });
      expect(generation).toMatchObject({ state: "PAYMENT_FAILED", stateReason: "COST_UNDETERMINED" });
      expect(alreadyFinal).toBe(true);
      expect(await ledger.eventTypes(generationId)).toEqual(["PAYMENT_FAILED"]);
    });

    it("stays so when RUNNING is reported after the end", async () => {
      const generationId = await undetermined();
      await ledger.report(generationId, { status: "running", observeTime: T });
      await ledger.complete(generationId);
      expect(await ledger.generation(generationId)).toMatchObject({
        stateReason: "COST_UNDETERMINED",
        startTime: null,
      });
    });

    it("is not determined by a late failure, which is a conflict", async () => {
      const generationId = await undetermined();
      const late = ledger.complete(generationId, { outcome: "FAILED", usage: { finalCostUsdMicros: 5n } });
      await expect(late).rejects.toMatchObject({ reason: "GENERATION_ALREADY_FINAL" });
      expect(await ledger.generation(generationId)).toMatchObject({ stateReason: "COST_UNDETERMINED" });
    });

    it("can't be paid by RetryPayment before it is known", async () => {
      const generationId = await undetermined();
      await expect(ledger.writer.submit(retryOf({ generationId }))).rejects.toMatchObject({
        reason: "COST_UNDETERMINED",
        metadata: { generation_id: generationId },
      });
    });

    it("waits for money once it is known and nobody can pay it", async () => {
      const bob = someone("bob");
      const generationId = await ledger.create({ accountId: bob, pricing: PER_SECOND });
      await ledger.complete(generationId);
      const known = await ledger.complete(generationId, { usage: { runDurationMicros: SECOND } });
      expect(known.generation).toMatchObject({ stateReason: "INSUFFICIENT_FUNDS", baseCostUsdMicros: 1_000n });
      const reasons = (await ledger.events(generationId)).map((event) => event.details.reason);
      expect(reasons).toEqual(["COST_UNDETERMINED", "INSUFFICIENT_FUNDS"]);

      await ledger.fund(bob, 1_000n);
      await ledger.complete(generationId, { usage: { runDurationMicros: SECOND } });
      expect(await ledger.balances(bob)).toEqual([1_000n]);
      await ledger.writer.submit(retryOf({ generationId }));
      expect(await ledger.balances(bob)).toEqual([0n]);
    });
  });

  describe("starts", () => {
    const ended = { endTime: T + 100n * SECOND };

    it("at the first observed RUNNING, and the first observation stands", async () => {
      const generationId = await runningFrom(T + 10n * SECOND);
      await ledger.report(generationId, { status: "running", observeTime: T });
      await ledger.report(generationId, { status: "uploading", observeTime: T + 50n * SECOND });
      expect(await costOf(generationId, { ...ended, startTime: T + 60n * SECOND })).toBe(90_000n);
    });

    it("at the first observed UPLOADING if there was no RUNNING", async () => {
      const generationId = await create(PER_SECOND);
      await ledger.report(generationId, { status: "uploading", observeTime: T + 20n * SECOND });
      await ledger.report(generationId, { status: "uploading", observeTime: T + 30n * SECOND });
      expect(await costOf(generationId, ended)).toBe(80_000n);
    });

    it("at RUNNING even if UPLOADING was seen before it", async () => {
      const generationId = await create(PER_SECOND);
      await ledger.report(generationId, { status: "uploading", observeTime: T + 20n * SECOND });
      await ledger.report(generationId, { status: "running", observeTime: T + 5n * SECOND });
      expect(await costOf(generationId, ended)).toBe(95_000n);
    });

    it.each(["not-started", "queued", "started"] as const)("not while it is %s", async (status) => {
      const generationId = await create(PER_SECOND);
      await ledger.report(generationId, { status, observeTime: T });
      expect(await costOf(generationId, ended)).toBe(null);
    });

    it("at the start_time of the completion if none was observed", async () => {
      const generationId = await create(PER_SECOND);
      expect(await costOf(generationId, { ...ended, startTime: T + 40n * SECOND })).toBe(60_000n);
    });
  });

  describe("ends", () => {
    it("at the first observed final outcome: a redelivery never lengthens a run", async () => {
      const generationId = await runningFrom(T);
      await ledger.complete(generationId, { endTime: T + 10n * SECOND });
      const again = await ledger.complete(generationId, { endTime: T + 500n * SECOND });
      expect(again).toMatchObject({ alreadyFinal: true, generation: { endTime: T + 10n * SECOND } });
      expect(again.generation.baseCostUsdMicros).toBe(10_000n);
      expect(await ledger.balances(alice)).toEqual([99_990_000n]);
    });

    it("at the first failure too", async () => {
      const generationId = await runningFrom(T);
      await ledger.complete(generationId, { outcome: "FAILED", endTime: T + 10n * SECOND });
      await ledger.complete(generationId, { outcome: "TIMED_OUT", endTime: T + 20n * SECOND });
      expect((await ledger.generation(generationId)).endTime).toBe(T + 10n * SECOND);
    });

    it.each([
      ["1 micro", PER_SECOND, 1n],
      ["the minimum charge", { ...PER_SECOND, minimumChargeUsdMicros: 250n }, 250n],
    ])("after 0 s if that is before its start, and then costs %s", async (_, pricing, cost) => {
      const generationId = await runningFrom(T, pricing);
      expect(await costOf(generationId, { endTime: T - 10n * SECOND })).toBe(cost);
    });
  });

  it("goes by the times of arrival where callers give none: 3.27 s at 0.000337 are 1,102 micros", async () => {
    const clock = { now: 4_000_000_000n * SECOND };
    const writer = new LedgerWriter(withClock(ledger.store, clock));
    const created = await writer.submit(
      generationOf({ accountId: alice, pricing: { ...PER_SECOND, rateUsd: "0.000337" } }),
    );
    if (created.kind !== "done") throw new Error("the generation is new");
    const { generationId } = created.generation;
    clock.now += 60n * SECOND;
    const running = { status: "running", liveStatus: "", outputs: [] } as const;
    await writer.submit(reportProgress({ generationId, runId: "" }, running));
    clock.now += 3_270_000n;
    const { generation } = await writer.submit(completionOf(generationId));
    expect(generation.baseCostUsdMicros).toBe(1_102n);
    await writer.close();
  });
});
