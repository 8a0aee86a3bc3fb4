import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NotInBatch } from "../../src/domain/ledger/books.js";
import type { Command } from "../../src/ledger/command.js";
import { COMMANDS_A_TURN } from "../../src/ledger/event-loop.js";
import { LedgerWriter, type WriterLimits } from "../../src/ledger/writer.js";
import { type LedgerStore, StoreError } from "../../src/storage/store.js";
import { completionOf, creditOf, generationOf } from "../support/commands.js";
import { someone, TestLedger } from "../support/ledger.js";
import { failing, gated, withClock, withTransactions } from "../support/store-faults.js";
import { describeStores } from "../support/stores.js";

const LIMITS: WriterLimits = {
  ...{ batchSize: 100, waiting: 100, attempts: 3 },
  ...{ waitingMs: 60_000, standingMs: 60_000, burstMs: 60_000, patienceMs: 60_000 },
};

describeStores("the ledger writer", (makeDatabase) => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  afterAll(() => ledger.stop());

  /** A writer with what it told its observer: commands of each batch, and the errors after which it tried again. */
  function observed(store: LedgerStore, limits: Partial<WriterLimits>) {
    const batches: number[] = [];
    const retries: StoreError[] = [];
    const writer = new LedgerWriter(
      store,
      { ...LIMITS, ...limits },
      {
        batchDone: ({ commands }) => batches.push(commands),
        batchRetried: (error) => retries.push(error),
      },
    );
    return { writer, batches, retries };
  }

  const cent = (accountId: string) => creditOf({ accountId, amountUsdMicros: 10_000n });

  describe("with its queue full", () => {
    it("refuses one more as OVERLOADED with a time to wait, and keeps its word to the others", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { waiting: 3 });
      const taken = [1, 2, 3].map(() => writer.submit(cent(alice)));
      expect(writer.waiting).toBe(3);
      await expect(writer.submit(cent(alice))).rejects.toMatchObject({ reason: "OVERLOADED", retryAfterMs: 100 });
      open();
      await Promise.all(taken);
      expect(await ledger.balances(alice)).toEqual([30_000n]);
      await writer.submit(cent(alice));
      expect(await ledger.balances(alice)).toEqual([40_000n]);
    });

    it("counts what waits, not the batch that is being committed", async () => {
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { waiting: 2 });
      const committing = [1, 2].map(() => writer.submit(cent(someone("alice"))));
      await endOfTurn();
      expect(writer.waiting).toBe(0);
      const waiting = [1, 2].map(() => writer.submit(cent(someone("alice"))));
      await expect(writer.submit(cent(someone("alice")))).rejects.toMatchObject({ reason: "OVERLOADED" });
      open();
      await Promise.all([...committing, ...waiting]);
    });
  });

  describe("with a crowd at its door", () => {
    /** Enters so many, who submit a cent for this account when they are called in and say so. */
    function entering(writer: LedgerWriter, count: number, accountId: string) {
      const called: number[] = [];
      const done: Promise<unknown>[] = [];
      const isLetIn = Array.from({ length: count }, (_, index) =>
        writer.enter(() => {
          called.push(index);
          done.push(writer.submit(cent(accountId), { aborted: false, reason: undefined, hasPlace: true }));
        }),
      );
      return { called, done, isLetIn };
    }

    it("has the commands of the next batch made ahead, and the others as one is taken, in their order", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(twoAtOnce(store), { batchSize: 2 });
      const { called, done, isLetIn } = entering(writer, 50, alice);
      expect(isLetIn).not.toContain(false);
      expect(called).toHaveLength(2);
      expect(writer.waiting).toBe(50);
      for (let turn = 0; turn < 10; turn++) await endOfTurn();
      // Two lanes have taken a batch each.
      expect(called).toHaveLength(6);
      open();
      await expect.poll(() => done.length).toBe(50);
      await Promise.all(done);
      expect(called).toEqual([...called].sort((a, b) => a - b));
      expect(await ledger.balances(alice)).toEqual([500_000n]);
      expect(writer.waiting).toBe(0);
    });

    it("lets nobody in beyond its bound, and takes the command of everyone it has let in", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { batchSize: 1, waiting: 20 });
      const { called, done, isLetIn } = entering(writer, 21, alice);
      expect(isLetIn.lastIndexOf(true)).toBe(19);
      expect(isLetIn[20]).toBe(false);
      expect(writer.hasRoom).toBe(false);
      await expect(writer.submit(cent(alice))).rejects.toMatchObject({ reason: "OVERLOADED" });
      open();
      await expect.poll(() => done.length).toBe(20);
      await Promise.all(done);
      expect(called).not.toContain(20);
      expect(await ledger.balances(alice)).toEqual([200_000n]);
    });

    it("takes one command for a place, and no second one when it is full", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { waiting: 2 });
      const taken = [1, 2].map(() => writer.submit(cent(alice)));
      const submitter = { aborted: false, reason: undefined, hasPlace: true };
      const withPlace = writer.submit(cent(alice), submitter);
      await expect(writer.submit(cent(alice), submitter)).rejects.toMatchObject({ reason: "OVERLOADED" });
      open();
      await Promise.all([...taken, withPlace]);
      expect(await ledger.balances(alice)).toEqual([30_000n]);
    });

    it("calls in those who have a place although others keep its queue full", async () => {
      const alice = someone("alice");
      const { writer } = observed(ledger.store, { batchSize: 4 });
      let left = 300;
      const keepFull = async (): Promise<void> => {
        while (left-- > 0) await writer.submit(cent(alice));
      };
      const others = Array.from({ length: 60 }, keepFull);
      const leftWhenCalled: number[] = [];
      for (let index = 0; index < 5; index++) writer.enter(() => leftWhenCalled.push(left));
      expect(leftWhenCalled).toEqual([]);
      await Promise.all(others);
      expect(leftWhenCalled).toHaveLength(5);
      for (const stillToCome of leftWhenCalled) expect(stillToCome).toBeGreaterThan(100);
    });

    it("makes and applies no more commands in one turn of the event loop than leaves room for others", async () => {
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { waiting: 1_000 });
      const turns = countTurns();
      const made: number[] = [];
      const applied: number[] = [];
      const done: Promise<unknown>[] = [];
      for (let index = 0; index < 500; index++) {
        writer.enter(() => {
          made.push(turns.count);
          const command = noting(cent(someone("alice")), () => applied.push(turns.count));
          done.push(writer.submit(command, { aborted: false, reason: undefined, hasPlace: true }));
        });
      }
      const madeAhead = made.length;
      open();
      await expect.poll(() => done.length).toBe(500);
      await Promise.all(done);
      turns.stop();
      expect(mostOfOne(made.slice(madeAhead))).toBe(COMMANDS_A_TURN);
      expect(mostOfOne(applied.slice(0, LIMITS.batchSize))).toBe(COMMANDS_A_TURN);
    });

    it("begins no batch of the few that have been made so far", async () => {
      const { writer, batches } = observed(twoAtOnce(ledger.store), { waiting: 1_000 });
      const done: Promise<unknown>[] = [];
      for (let index = 0; index < 500; index++) {
        writer.enter(() => {
          done.push(writer.submit(cent(someone("alice")), { aborted: false, reason: undefined, hasPlace: true }));
        });
      }
      await expect.poll(() => done.length).toBe(500);
      await Promise.all(done);
      // Of the last hundred, whom nobody follows, a lane takes its share.
      expect(batches.slice(0, 4)).toEqual([100, 100, 100, 100]);
    });

    it("goes on when those it calls in have gone or ask for nothing", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { batchSize: 1 });
      const before = entering(writer, store.pacing.transactionsAtOnce, alice);
      let gone = 0;
      for (let index = 0; index < 30; index++) writer.enter(() => gone++);
      const after = entering(writer, 3, alice);
      open();
      await expect.poll(() => after.done.length).toBe(3);
      await Promise.all([...before.done, ...after.done]);
      expect(gone).toBe(30);
      await writer.close();
      expect(writer.waiting).toBe(0);
    });
  });

  it("applies a batch in one turn of the event loop if nobody waits at the door", async () => {
    const { writer } = observed(ledger.store, {});
    const turns = countTurns();
    const applied: number[] = [];
    const command = () => noting(cent(someone("alice")), () => applied.push(turns.count));
    const { leastShare } = ledger.store.pacing;
    expect(leastShare).toBeGreaterThan(COMMANDS_A_TURN);
    await Promise.all(Array.from({ length: Math.min(leastShare, 100) }, () => writer.submit(command())));
    turns.stop();
    expect(mostOfOne(applied)).toBe(Math.min(leastShare, 100));
  });

  it("puts no more commands into a batch than its bound, and all of one turn into as few as that allows", async () => {
    const alice = someone("alice");
    const { writer, batches } = observed(ledger.store, { batchSize: 10 });
    await Promise.all(Array.from({ length: 25 }, () => writer.submit(cent(alice))));
    expect(batches).toEqual([10, 10, 5]);
    expect(await ledger.balances(alice)).toEqual([250_000n]);
  });

  describe("with a batch of ten under way", () => {
    /** A writer that may begin a second one. */
    async function committingTen(limits: Partial<WriterLimits> = {}) {
      const { store, open } = gated(ledger.store);
      const { writer, batches } = observed(twoAtOnce(store), limits);
      const cents = (count: number) => Array.from({ length: count }, () => writer.submit(cent(someone("alice"))));
      const ten = cents(10);
      await endOfTurn();
      expect(writer.waiting).toBe(0);
      return { writer, batches, open, cents, ten };
    }

    it("begins no small one beside it, but one as large", async () => {
      const { writer, batches, open, cents, ten } = await committingTen();
      const nine = cents(9);
      await endOfTurn();
      expect(writer.waiting).toBe(9);
      const last = cents(1);
      await endOfTurn();
      expect(writer.waiting).toBe(0);
      open();
      await Promise.all([...ten, ...nine, ...last]);
      expect(batches).toEqual([10, 10]);
    });

    it("lets the lane that has committed it take along what came meanwhile", async () => {
      const { batches, open, cents, ten } = await committingTen();
      const few = cents(3);
      open();
      await Promise.all([...ten, ...few]);
      expect(batches).toEqual([10, 3]);
    });

    it("waits no longer for it than a batch takes", async () => {
      const { writer, open, cents, ten } = await committingTen({ patienceMs: 500 });
      const [lone] = cents(1);
      await endOfTurn();
      expect(writer.waiting).toBe(1);
      await expect.poll(() => writer.waiting, { timeout: 5_000 }).toBe(0);
      open();
      await Promise.all([...ten, lone]);
    });
  });

  it("leaves a command to the next batch whose account a batch under way has, so that its neighbours needn't wait", async () => {
    const [alice, bob, carol] = [someone("alice"), someone("bob"), someone("carol")];
    let saves = 0;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holding = withTransactions(ledger.store, (transaction) => ({
      async save(changes) {
        if (saves++ === 0) await released;
        await transaction.save(changes);
      },
    }));
    const { writer } = observed(twoAtOnce(holding), {});
    const first = writer.submit(cent(alice));
    await expect.poll(() => saves).toBe(1);
    const [unlucky, ...neighbours] = [alice, bob, carol].map((accountId) => writer.submit(cent(accountId)));
    let isUnlucky = true;
    void unlucky?.then(() => {
      isUnlucky = false;
    });
    await Promise.all(neighbours);
    expect(isUnlucky).toBe(true);
    release();
    await Promise.all([first, unlucky, ...neighbours]);
    expect(await ledger.balances(alice, bob, carol)).toEqual([20_000n, 10_000n, 10_000n]);
  });

  describe("whose caller has gone", () => {
    it("doesn't apply a command that still waits", async () => {
      const [alice, bob] = [someone("alice"), someone("bob")];
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, {});
      const committing = writer.submit(cent(alice));
      await endOfTurn();
      const caller = new AbortController();
      const gone = writer.submit(cent(alice), caller.signal);
      const neighbour = writer.submit(cent(bob));
      caller.abort(new Error("hung up"));
      open();
      await expect(gone).rejects.toThrow("hung up");
      await Promise.all([committing, neighbour]);
      expect(await ledger.balances(alice, bob)).toEqual([10_000n, 10_000n]);
    });

    it("finishes a command whose batch has begun", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, {});
      const caller = new AbortController();
      const begun = writer.submit(cent(alice), caller.signal);
      await endOfTurn();
      caller.abort(new Error("hung up"));
      open();
      await expect(begun).resolves.toMatchObject({ kind: "done" });
    });
  });

  describe("given a command that is broken", () => {
    const broken = (where: "accounts" | "apply"): Command<never> => ({
      name: "Broken",
      accounts() {
        if (where === "accounts") throw new Error("a defect");
        return [];
      },
      apply() {
        throw new Error("a defect");
      },
    });

    it.each(["accounts", "apply"] as const)(
      "fails it alone when its %s throws, and commits its neighbours",
      async (where) => {
        const [alice, bob] = [someone("alice"), someone("bob")];
        const { writer } = observed(ledger.store, {});
        const results = await Promise.allSettled([
          writer.submit(cent(alice)),
          writer.submit(broken(where)),
          writer.submit(cent(bob)),
        ]);
        expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect((results[1] as PromiseRejectedResult).reason).toEqual(new Error("a defect"));
        expect(await ledger.balances(alice, bob)).toEqual([10_000n, 10_000n]);
      },
    );

    it("fails it alone when the store refuses its rows, and commits its neighbours", async () => {
      const [alice, bob, eve] = [someone("alice"), someone("bob"), someone("eve")];
      const picky = withTransactions(ledger.store, (transaction) => ({
        async save(changes) {
          if (changes.openedAccounts.some((account) => account.accountId === eve)) {
            throw new StoreError("REFUSED", "not this row");
          }
          await transaction.save(changes);
        },
      }));
      const { writer, retries } = observed(picky, {});
      const results = await Promise.allSettled([alice, eve, bob].map((accountId) => writer.submit(cent(accountId))));
      expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(retries).toEqual([]);
      expect(await ledger.balances(alice, bob, eve)).toEqual([10_000n, 10_000n, 0n]);
    });
  });

  describe("in conflict with another instance", () => {
    const conflict = new StoreError("CONFLICT", "another instance was first");

    it("tries the whole batch again, and charges once", async () => {
      const [alice, bob] = [someone("alice"), someone("bob")];
      const { writer, batches, retries } = observed(failing(ledger.store, conflict, 2), {});
      await Promise.all([alice, bob].map((accountId) => writer.submit(cent(accountId))));
      expect(retries).toEqual([conflict, conflict]);
      expect(batches).toEqual([2]);
      expect(await ledger.balances(alice, bob)).toEqual([10_000n, 10_000n]);
    });

    it.each(["CONFLICT", "UNAVAILABLE"] as const)(
      "gives up as STORE_UNAVAILABLE after its attempts at %s",
      async (kind) => {
        const alice = someone("alice");
        const error = new StoreError(kind, "still");
        const { writer, retries } = observed(failing(ledger.store, error, 3), { attempts: 3 });
        await expect(writer.submit(cent(alice))).rejects.toMatchObject({
          reason: "STORE_UNAVAILABLE",
          retryAfterMs: 1_000,
        });
        expect(retries).toHaveLength(2);
        expect(await ledger.balances(alice)).toEqual([0n]);
        await writer.submit(cent(alice));
        expect(await ledger.balances(alice)).toEqual([10_000n]);
      },
    );
  });

  describe("that closes", () => {
    it("answers everything that waits, and takes no more", async () => {
      const alice = someone("alice");
      const { store, open } = gated(ledger.store);
      const { writer } = observed(store, { batchSize: 2 });
      const waiting = Array.from({ length: 7 }, () => writer.submit(cent(alice)));
      const closed = writer.close();
      await expect(writer.submit(cent(alice))).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
      open();
      await closed;
      expect(writer.waiting).toBe(0);
      expect(await Promise.all(waiting)).toHaveLength(7);
      expect(await ledger.balances(alice)).toEqual([70_000n]);
    });

    it("is closed at once if nothing waits", async () => {
      await expect(observed(ledger.store, {}).writer.close()).resolves.toBeUndefined();
    });
  });

  describe("given a command that needs an account its batch didn't load", () => {
    it.each(["run_id", "generation_id"])(
      "puts it off to the next batch: create and complete by %s in one turn",
      async (by) => {
        const alice = someone("alice");
        await ledger.fund(alice, 1_000_000n);
        const [generationId, runId] = [uuidv7(), `run-${uuidv7()}`];
        const ref = by === "run_id" ? { generationId: "", runId } : { generationId, runId: "" };
        const { writer, batches } = observed(ledger.store, {});
        const [, completed] = await Promise.all([
          writer.submit(generationOf({ accountId: alice, generationId, runId })),
          writer.submit(completionOf("", { ref })),
        ]);
        expect(completed).toMatchObject({ alreadyFinal: false, generation: { generationId, state: "COMPLETED" } });
        expect(batches).toEqual([2, 1]);
        expect(await ledger.balances(alice)).toEqual([0n]);
      },
    );

    it("gives up on one that never says which account it needs, and commits its neighbours", async () => {
      const alice = someone("alice");
      const endless: Command<never> = {
        name: "Endless",
        accounts: () => [],
        apply() {
          throw new NotInBatch("unsaid");
        },
      };
      const { writer } = observed(ledger.store, {});
      const credited = writer.submit(cent(alice));
      await expect(writer.submit(endless)).rejects.toThrow("Endless was put off 3 times");
      await expect(credited).resolves.toMatchObject({ kind: "done" });
    });
  });

  it("never writes a time below the last one, though the store's clock jumps back", async () => {
    const alice = someone("alice");
    const clock = { now: 5_000_000_000_000_000n };
    const { writer } = observed(withClock(ledger.store, clock), {});
    const times: bigint[] = [];
    for (const jump of [0n, -1_000_000_000n, 5n]) {
      clock.now += jump;
      const done = await writer.submit(cent(alice));
      if (done.kind === "done") times.push(done.posted.transaction.createTime);
    }
    expect(times).toEqual([5_000_000_000_000_000n, 5_000_000_000_000_000n, 5_000_000_000_000_000n]);
  });
});

function twoAtOnce(store: LedgerStore): LedgerStore {
  return { ...store, pacing: { ...store.pacing, transactionsAtOnce: 2 } };
}

/** By then the writer has taken its first batch. */
async function endOfTurn(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Counts turns of the event loop. */
function countTurns(): { readonly count: number; stop(): void } {
  const turns = { count: 0, stop: () => clearImmediate(next) };
  let next = setImmediate(function again() {
    turns.count++;
    next = setImmediate(again);
  });
  return turns;
}

/** A command that tells when it is applied. */
function noting<Result>(command: Command<Result>, note: () => void): Command<Result> {
  return {
    ...command,
    accounts: (references) => command.accounts(references),
    apply(set) {
      note();
      return command.apply(set);
    },
  };
}

/** How often the number is there that is there most often. */
function mostOfOne(numbers: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return Math.max(...counts.values());
}
