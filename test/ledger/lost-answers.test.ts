import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LedgerWriter } from "../../src/ledger/writer.js";
import { completionOf, creditOf, debitOf, generationOf, request, retryOf } from "../support/commands.js";
import { loraOf, someone, TestLedger } from "../support/ledger.js";
import { losingAnswers } from "../support/store-faults.js";
import { describeStores } from "../support/stores.js";

/** The store commits, and the connection breaks before it can say so: the batch is looked up, not guessed. */
describeStores("a commit whose answer is lost", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  const losing = (times = 1) => new LedgerWriter(losingAnswers(ledger.store, times));
  const funded = async (amountUsdMicros: bigint): Promise<string> => {
    const alice = someone("alice");
    await ledger.fund(alice, amountUsdMicros);
    return alice;
  };

  describe("is found as this call's own work:", () => {
    it("a debit is charged once and is no replay", async () => {
      const alice = await funded(100n);
      const transactionId = uuidv7();
      const done = await losing().submit(debitOf({ accountId: alice, amountUsdMicros: 60n, transactionId }));
      expect(done).toEqual({ kind: "recorded", resourceId: transactionId, isReplay: false });
      expect(await ledger.balances(alice)).toEqual([40n]);
    });

    it("a credit arrives once, its external reference included", async () => {
      const alice = someone("alice");
      const transactionId = uuidv7();
      const externalReference = `payment-${transactionId}`;
      const command = creditOf({ accountId: alice, amountUsdMicros: 60n, transactionId, externalReference });
      expect(await losing().submit(command)).toEqual({ kind: "recorded", resourceId: transactionId, isReplay: false });
      expect(await ledger.balances(alice)).toEqual([60n]);
    });

    it("a generation is created once, its run id included", async () => {
      const generationId = uuidv7();
      const command = generationOf({ accountId: someone("alice"), generationId, runId: `run-${generationId}` });
      expect(await losing().submit(command)).toEqual({ kind: "recorded", resourceId: generationId, isReplay: false });
    });

    it("a completion settles once and is not already final", async () => {
      const alice = await funded(2_000_000n);
      const anna = someone("anna");
      const generationId = await ledger.create({ accountId: alice, attribution: { loras: [loraOf(anna)] } });
      const transactionId = uuidv7();
      const done = await losing().submit(completionOf(generationId, { transactionId }));
      expect(done).toMatchObject({ alreadyFinal: false, generation: { state: "COMPLETED", transactionId } });
      expect(await ledger.balances(alice, anna)).toEqual([950_000n, 50_000n]);
      expect(await ledger.eventTypes(generationId)).toEqual(["COMPLETED"]);
    });

    it.each(["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED"] as const)(
      "a completion as %s that takes no money is not already final either",
      async (outcome) => {
        const generationId = await ledger.create({ accountId: someone("poor") });
        const done = await losing().submit(completionOf(generationId, { outcome }));
        expect(done.alreadyFinal).toBe(false);
        expect(await ledger.events(generationId)).toHaveLength(1);
      },
    );

    it("a retried payment is taken once and is no replay", async () => {
      const alice = someone("alice");
      const generationId = await ledger.create({ accountId: alice });
      await ledger.complete(generationId);
      await ledger.fund(alice, 3_000_000n);
      const transactionId = uuidv7();
      const done = await losing().submit(retryOf({ generationId, transactionId }));
      expect(done).toEqual({ kind: "recorded", resourceId: transactionId, isReplay: false });
      expect(await ledger.balances(alice)).toEqual([2_000_000n]);
    });
  });

  it("doesn't hide a real repetition: a debit made before is a replay", async () => {
    const alice = await funded(100n);
    const key = request();
    const transactionId = uuidv7();
    await ledger.writer.submit(debitOf({ accountId: alice, amountUsdMicros: 60n, request: key, transactionId }));
    const again = await losing().submit(debitOf({ accountId: alice, amountUsdMicros: 60n, request: key }));
    expect(again).toEqual({ kind: "recorded", resourceId: transactionId, isReplay: true });
    expect(await ledger.balances(alice)).toEqual([40n]);
  });

  it("doesn't hide who was first: of two completions in its batch one is already final", async () => {
    const alice = await funded(2_000_000n);
    const generationId = await ledger.create({ accountId: alice });
    const writer = losing();
    const [first, second] = await Promise.all([1, 2].map(() => writer.submit(completionOf(generationId))));
    expect([first?.alreadyFinal, second?.alreadyFinal]).toEqual([false, true]);
    expect(await ledger.balances(alice)).toEqual([1_000_000n]);
  });

  it("records a conflict once, and still refuses it", async () => {
    const generationId = await ledger.create({ accountId: someone("alice") });
    await ledger.complete(generationId, { outcome: "FAILED" });
    await expect(losing().submit(completionOf(generationId))).rejects.toMatchObject({
      reason: "GENERATION_ALREADY_FINAL",
    });
    expect(await ledger.eventTypes(generationId)).toEqual(["FAILED", "CONFLICTING_COMPLETION"]);
  });

  it("every time is STORE_UNAVAILABLE in the end, and the same request then finds what it did", async () => {
    const alice = await funded(100n);
    const transactionId = uuidv7();
    const command = debitOf({ accountId: alice, amountUsdMicros: 60n, transactionId });
    await expect(losing(1_000).submit(command)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(await ledger.balances(alice)).toEqual([40n]);
    expect(await ledger.writer.submit(command)).toMatchObject({ kind: "recorded", resourceId: transactionId });
    expect(await ledger.balances(alice)).toEqual([40n]);
  });
});
