import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { TollgateError } from "../../src/domain/errors.js";
import { asIfWritten } from "../../src/domain/ledger/as-of.js";
import type { Account } from "../../src/domain/ledger/rows.js";
import { MICROS_PER_SECOND } from "../../src/domain/time.js";
import { Sweeper } from "../../src/ledger/sweeper.js";
import { expiries } from "../../src/ledger/sweeps/expiries.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { Store } from "../../src/storage/store.js";
import { withClock } from "../support/store-faults.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";
import { Sequence, type Step, sequences } from "./random-steps.js";

const STEPS = 40;

/** A micro-second after every hold and every grant of a sequence has ended, refunds' week included. */
const LONG_AFTER_MICROS = 30n * 86_400n * MICROS_PER_SECOND;

/** All commands in random order, with a clock that jumps. A failing sequence is printed with the seed that plays it again. */
describe.each([
  ["sqlite", 30],
  ["postgres", 8],
] as const)("whatever happens on %s", (backend, numRuns) => {
  let database: TestDatabase;
  let store: Store;
  let writer: LedgerWriter;
  let sweeper: Sweeper;
  const clock = { now: BigInt(Date.UTC(2030, 2, 1, 12)) * 1_000n };
  let latest = clock.now;
  let sequenceCount = 0;
  beforeAll(async () => {
    database = await makeDatabase(backend);
    store = await database.open();
    writer = new LedgerWriter(withClock(store, clock));
    sweeper = new Sweeper([expiries(store, writer)], () => {});
  });
  afterAll(async () => {
    await writer.close();
    await database.destroy();
  });

  /** Refusals are part of the game; anything else thrown is a defect. */
  const play = async (sequence: Sequence, steps: readonly { step: Step; isAwaited: boolean }[]): Promise<void> => {
    let running: Promise<unknown>[] = [];
    for (const { step, isAwaited } of steps) {
      const move = sequence.move(step);
      if (clock.now > latest) latest = clock.now;
      if (move) running.push(writer.submit(move.command).then(move.done));
      if (!isAwaited) continue;
      await unlessRefused(running);
      running = [];
    }
    await unlessRefused(running);
    clock.now = latest;
  };

  it("no user's account goes below zero, holds and grants add up, and the audit finds nothing", async () => {
    await fc.assert(
      fc.asyncProperty(sequences(STEPS), async (steps) => {
        const sequence = new Sequence(`s${++sequenceCount}`, clock);
        await play(sequence, steps);
        const shown = new Map<string, Account>();
        for (const account of await store.accounts(sequence.people)) {
          await expectSound(store, account);
          shown.set(account.accountId, asIfWritten(account, await store.due(account.accountId, clock.now)).account);
        }

        await sweeper.sweep(clock.now);
        for (const account of await store.accounts(sequence.people)) {
          await expectSound(store, account);
          expect(moneyOf(account)).toEqual(moneyOf(shown.get(account.accountId) as Account));
          await expectNothingOverdueAvailable(store, account, clock.now);
        }

        clock.now += LONG_AFTER_MICROS;
        latest = clock.now;
        await sweeper.sweep(clock.now);
        for (const account of await store.accounts(sequence.people)) {
          await expectSound(store, account);
          await expectOnlyGenerationsHold(store, account.accountId);
        }
        expect(await sumOfAllAccounts(store)).toBe(0n);
        expect((await auditLedger(store)).violations).toEqual([]);
      }),
      { numRuns },
    );
  });
});

async function unlessRefused(running: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(running)) {
    const isRefusal = outcome.status === "rejected" && outcome.reason instanceof TollgateError;
    if (outcome.status === "rejected" && !isRefusal) throw outcome.reason;
  }
}

/** What has to be true of a stored account at any time. */
async function expectSound(store: Store, account: Account): Promise<void> {
  const { accountId, balanceUsdMicros, heldUsdMicros, promotionalUsdMicros, nextExpiryTime } = account;
  const holds = (await store.listHolds(accountId, ["ACTIVE"], undefined, 500)).rows;
  const grants = (await store.listGrants(accountId, true, undefined, 500)).rows;
  const left = (of: typeof grants) => of.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
  expect(balanceUsdMicros - heldUsdMicros).toBeGreaterThanOrEqual(0n);
  expect(heldUsdMicros).toBe(holds.reduce((sum, hold) => sum + hold.amountUsdMicros, 0n));
  expect(balanceUsdMicros).toBe(left(grants));
  expect(promotionalUsdMicros).toBe(left(grants.filter((grant) => grant.category === "PROMOTIONAL")));
  for (const grant of grants) expect(grant.remainingUsdMicros).toBeGreaterThanOrEqual(0n);
  const open = grants.filter((grant) => grant.remainingUsdMicros > 0n);
  const ends = [...open, ...holds].map((each) => each.expireTime).filter((end) => end !== null);
  for (const end of ends) expect(nextExpiryTime ?? end + 1n).toBeLessThanOrEqual(end);
}

/** Expired credit is there only as far as a hold covers it, and then nothing is available. */
async function expectNothingOverdueAvailable(store: Store, account: Account, now: bigint): Promise<void> {
  const due = await store.due(account.accountId, now);
  expect(due.holds).toEqual([]);
  if (due.grants.length > 0) expect(account.balanceUsdMicros).toBe(account.heldUsdMicros);
}

async function expectOnlyGenerationsHold(store: Store, accountId: string): Promise<void> {
  const holds = (await store.listHolds(accountId, ["ACTIVE"], undefined, 500)).rows;
  for (const hold of holds) {
    const [generation] = await store.findGenerations({ generationId: hold.generationId, runId: "" });
    expect(generation?.state).toBe("PENDING");
  }
}

async function sumOfAllAccounts(store: Store): Promise<bigint> {
  let sum = 0n;
  for (let after = ""; ; ) {
    const accounts = await store.listAccounts(after, 500);
    sum += accounts.reduce((total, account) => total + account.balanceUsdMicros, 0n);
    const last = accounts.at(-1);
    if (!last) return sum;
    after = last.accountId;
  }
}

function moneyOf({ accountId, balanceUsdMicros, heldUsdMicros, promotionalUsdMicros }: Account) {
  return { accountId, balanceUsdMicros, heldUsdMicros, promotionalUsdMicros };
}
