import { isPlatformAccount, PLATFORM_ACCOUNTS, storedAccountIds } from "../../src/domain/accounts.js";
import { TollgateError } from "../../src/domain/errors.js";
import type { TransactionWithEntries } from "../../src/domain/ledger/rows.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { LedgerStore, Store } from "../../src/storage/store.js";
import { commandsBefore, commandsOf, generationIdsOf, type LogLine, USERS } from "./command-log.js";
import { withClock } from "./store-faults.js";

/** Where the time of a log starts, in microseconds since the epoch. */
const START = 1_800_000_000_000_000n;

/** What a log came to: all that must not depend on the batches or the store. Comparable with toEqual. */
export interface LogOutcome {
  /** One for each command: its answer or its refusal. */
  readonly results: readonly unknown[];
  /** With balances, versions and chain heads. */
  readonly users: readonly unknown[];
  readonly platformBalances: readonly bigint[];
  readonly generations: readonly unknown[];
  readonly events: readonly unknown[];
  readonly grants: readonly unknown[];
}

/**
 * Runs a log on an empty store.
 * @param batchSize commands in one batch
 * @param timed gives the store the clock of the log
 */
export async function runLog(
  store: Store,
  log: readonly LogLine[],
  batchSize: number,
  timed: (store: LedgerStore) => LedgerStore,
): Promise<LogOutcome> {
  const writer = new LedgerWriter(timed(store), {
    ...{ batchSize, waiting: 10_000, attempts: 3 },
    ...{ waitingMs: 600_000, standingMs: 600_000, burstMs: 600_000, patienceMs: 100 },
  });
  await Promise.all(commandsBefore().map((command) => writer.submit(command)));
  const settled = await Promise.allSettled(commandsOf(log).map((command) => writer.submit(command)));
  await writer.close();
  return { results: settled.map(resultOf), ...(await stateOf(store, log)) };
}

/** A store whose time stands still, as if all of a log happened at once: batches of any size then write the same times. */
export function frozenClock(store: LedgerStore): LedgerStore {
  return withClock(store, { now: START });
}

/** A store whose time moves on by a second with each batch. */
export function tickingClock(store: LedgerStore): LedgerStore {
  let batches = 0n;
  return withClock(store, {
    get now() {
      return START + batches++ * 1_000_000n;
    },
  });
}

function resultOf(settled: PromiseSettledResult<unknown>): unknown {
  if (settled.status === "fulfilled") return withoutStripes(settled.value);
  const { reason } = settled;
  if (!(reason instanceof TollgateError)) throw reason;
  return { reason: reason.reason, metadata: reason.metadata };
}

/** An answer without the platform's entries: which stripe takes the other side is an accident of timing. */
function withoutStripes(answer: unknown): unknown {
  const { posted, ...rest } = answer as { readonly posted?: TransactionWithEntries };
  if (!posted) return answer;
  const entries = posted.entries.filter((entry) => !isPlatformAccount(entry.accountId));
  return { ...rest, transaction: posted.transaction, entries };
}

async function stateOf(store: Store, log: readonly LogLine[]): Promise<Omit<LogOutcome, "results">> {
  const ids = generationIdsOf(log);
  const generations = await Promise.all(ids.map((generationId) => store.findGenerations({ generationId, runId: "" })));
  const platform = await Promise.all(PLATFORM_ACCOUNTS.map((name) => store.accounts(storedAccountIds(name))));
  const users = await store.accounts(USERS);
  return {
    users: users.sort((a, b) => (a.accountId < b.accountId ? -1 : 1)),
    platformBalances: platform.map((stripes) => stripes.reduce((sum, stripe) => sum + stripe.balanceUsdMicros, 0n)),
    generations: generations.flat(),
    events: await Promise.all(ids.map((generationId) => store.generationEvents(generationId))),
    grants: await store.snapshot((view) => view.allGrantsAfter({ accountId: "", grantId: "" }, 10_000)),
  };
}
