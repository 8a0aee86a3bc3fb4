import { setImmediate as turn } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DEFAULT_WRITER_LIMITS, LedgerWriter } from "../../src/ledger/writer.js";
import type { LedgerStore, Store, StoreError } from "../../src/storage/store.js";
import { completionOf, creditOf, debitOf, generationOf, request } from "../support/commands.js";
import { randomFrom } from "../support/random.js";
import { describeStores } from "../support/stores.js";
import { fresh, openedPair } from "./support.js";

/** Keeps each transaction open for a turn of the event loop before its commit, so that another store of this process meets it. */
function lingering(store: Store): LedgerStore {
  return {
    pacing: { ...store.pacing, transactionsAtOnce: 1 },
    newestTime: () => store.newestTime(),
    transact: (work) =>
      store.transact(async (transaction) => {
        const result = await work(transaction);
        await turn();
        return result;
      }),
  };
}

/** Small batches: many of them under way on both instances at once. */
const SMALL_BATCHES = { ...DEFAULT_WRITER_LIMITS, batchSize: 8, attempts: 20 };

describeStores("two instances on one database", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  let writers: readonly [LedgerWriter, LedgerWriter];
  let conflicts: StoreError[];

  beforeEach(() => {
    conflicts = [];
    const observer = { batchDone() {}, batchRetried: (error: StoreError) => void conflicts.push(error) };
    const writer = (own: Store) => new LedgerWriter(lingering(own), SMALL_BATCHES, observer);
    writers = [writer(pair.store), writer(pair.other)];
  });
  afterEach(async () => {
    for (const writer of writers) await writer.close();
  });

  const writerOf = (index: number): LedgerWriter => writers[index % 2] as LedgerWriter;
  const balanceOf = async (accountId: string) => (await pair.store.accounts([accountId]))[0]?.balanceUsdMicros ?? 0n;
  const reasonsOf = (ends: readonly PromiseSettledResult<unknown>[]) =>
    ends.flatMap((end) => (end.status === "rejected" ? [end.reason.reason ?? end.reason] : []));
  const sumOfAll = async () =>
    (await pair.store.snapshot((view) => view.accountsAfter("", 1_000))).reduce(
      (sum, account) => sum + account.balanceUsdMicros,
      0n,
    );

  it("let exactly 120 of 200 debits through that run at once on an account that covers 120", async () => {
    const accountId = fresh("alice");
    await writerOf(0).submit(creditOf({ accountId, amountUsdMicros: 1_200n }));
    const ends = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => writerOf(index).submit(debitOf({ accountId, amountUsdMicros: 10n }))),
    );
    expect(reasonsOf(ends)).toEqual(Array(80).fill("INSUFFICIENT_FUNDS"));
    expect(await balanceOf(accountId)).toBe(0n);
    expect((await pair.store.accounts([accountId]))[0]?.version).toBe(121n);
    expect(await sumOfAll()).toBe(0n);
  });

  it("don't deadlock or fail over 300 credits and debits of 10 accounts in any order", async () => {
    const seed = Number(process.env.TOLLGATE_TEST_SEED ?? Date.now());
    const random = randomFrom(seed);
    const accountIds = Array.from({ length: 10 }, (_, index) => fresh(`account-${index}`));
    const moves = Array.from({ length: 300 }, () => ({
      accountId: accountIds[Math.floor(random() * 10)] as string,
      amountUsdMicros: BigInt(1 + Math.floor(random() * 100)),
      isCredit: random() < 0.5,
      writer: writerOf(Math.floor(random() * 2)),
    }));
    const ends = await Promise.allSettled(
      moves.map(({ writer, isCredit, ...move }) => writer.submit(isCredit ? creditOf(move) : debitOf(move))),
    );
    const reasons = reasonsOf(ends).filter((reason) => reason !== "INSUFFICIENT_FUNDS");
    expect(reasons, `TOLLGATE_TEST_SEED=${seed}`).toEqual([]);
    for (const accountId of accountIds) {
      const expected = moves.reduce((sum, move, index) => {
        if (move.accountId !== accountId || ends[index]?.status === "rejected") return sum;
        return move.isCredit ? sum + move.amountUsdMicros : sum - move.amountUsdMicros;
      }, 0n);
      expect(await balanceOf(accountId), `TOLLGATE_TEST_SEED=${seed}`).toBe(expected);
    }
    expect(await sumOfAll()).toBe(0n);
    // Conflicts over rows that both open are the store's to report and the writer's to try again; a deadlock would mean that an order of locks is broken.
    expect(conflicts.map((error) => error.message)).not.toContain("postgres: 40P01");
  });

  it("give one effect to the same request that is sent to both at once", async () => {
    const accountId = fresh("alice");
    await writerOf(0).submit(creditOf({ accountId, amountUsdMicros: 1_000n }));
    const debits = Array.from({ length: 50 }, () => request());
    const ends = await Promise.all(
      debits.map((key) =>
        Promise.all(
          writers.map((writer) =>
            writer.submit(debitOf({ accountId, amountUsdMicros: 10n, request: key, transactionId: uuidv7() })),
          ),
        ),
      ),
    );
    for (const both of ends) {
      const made = both.map((end) => (end.kind === "done" ? end.posted.transaction.transactionId : end.resourceId));
      expect(made[0]).toBe(made[1]);
      expect(both.map((end) => end.kind).sort()).toEqual(["done", "recorded"]);
    }
    expect(await balanceOf(accountId)).toBe(500n);
  });

  it("take one external reference for one credit, whoever sends it", async () => {
    const accountIds = [0, 1, 2, 3].map((index) => fresh(`account-${index}`));
    const externalReference = fresh("stripe");
    const ends = await Promise.allSettled(
      accountIds.map((accountId, index) =>
        writerOf(index).submit(creditOf({ accountId, amountUsdMicros: 10n, externalReference })),
      ),
    );
    expect(reasonsOf(ends)).toEqual(Array(3).fill("EXTERNAL_REFERENCE_USED"));
    const balances = await Promise.all(accountIds.map(balanceOf));
    expect(balances.reduce((sum, balance) => sum + balance)).toBe(10n);
  });

  it("settle a generation once that both are told has ended", async () => {
    const [accountId, creatorId] = [fresh("alice"), fresh("bob")];
    await writerOf(0).submit(creditOf({ accountId, amountUsdMicros: 100_000_000n }));
    const generationIds = Array.from({ length: 20 }, () => uuidv7());
    await Promise.all(
      generationIds.map((generationId, index) =>
        writerOf(index).submit(
          generationOf({
            accountId,
            generationId,
            attribution: { loras: [{ loraId: "lora-1", ownerAccountId: creatorId }] },
          }),
        ),
      ),
    );
    const ends = await Promise.all(
      [0, 1, 2, 3].flatMap((index) =>
        generationIds.map((generationId) => writerOf(index).submit(completionOf(generationId))),
      ),
    );
    expect(ends.filter((end) => !end.alreadyFinal)).toHaveLength(20);
    expect(await balanceOf(accountId)).toBe(100_000_000n - 20n * 1_050_000n);
    expect(await balanceOf(creatorId)).toBe(20n * 50_000n);
    expect(await sumOfAll()).toBe(0n);
  });
});
