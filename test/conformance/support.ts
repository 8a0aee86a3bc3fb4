import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { LATEST_TIME } from "../../src/domain/time.js";
import type {
  BatchChanges,
  BatchKeys,
  LedgerStore,
  LedgerTransaction,
  LoadedKeys,
  Store,
} from "../../src/storage/store.js";
import type { Backend, TestDatabase } from "../support/stores.js";
import { NO_CHANGES } from "./rows.js";

/** A database for all the cases of a file, and two stores open on it. Cases keep to accounts of their own. */
export interface Pair {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly other: Store;
}

/** Opens a database before the cases of a file and removes it after them. The result may be used inside the cases only. */
export function openedPair(makeDatabase: () => Promise<TestDatabase>): Pair {
  let database: TestDatabase;
  let stores: readonly [Store, Store];
  beforeAll(async () => {
    database = await makeDatabase();
    stores = [await database.open(), await database.open()];
  });
  afterAll(() => database.destroy());
  return {
    get database() {
      return database;
    },
    get store() {
      return stores[0];
    },
    get other() {
      return stores[1];
    },
  };
}

/** A name that no other case uses. */
export function fresh(name: string): string {
  return `${name}-${uuidv7()}`;
}

/** Ids in ascending order. */
export function ids(count: number): string[] {
  return Array.from({ length: count }, () => uuidv7()).sort();
}

/** All times. */
export const ALWAYS = { startTime: 0n, endTime: LATEST_TIME } as const;

/** Writes rows in a transaction of their own. */
export function save(store: LedgerStore, changes: Partial<BatchChanges>): Promise<void> {
  return store.transact((transaction) => transaction.save({ ...NO_CHANGES, ...changes }));
}

export function loadKeys(transaction: LedgerTransaction, keys: Partial<BatchKeys>): Promise<LoadedKeys> {
  return transaction.loadKeys({
    externalReferences: [],
    generations: [],
    holds: [],
    transactions: [],
    ...keys,
  });
}

/** A transaction that has done something and is kept open. */
export interface OpenTransaction {
  /** Does one thing more, if there is one, and commits. */
  commit(last?: (transaction: LedgerTransaction) => Promise<void>): Promise<void>;
}

/** Begins a transaction, does `first` in it and keeps it open until it is told to commit. */
export async function keepOpen(
  store: LedgerStore,
  first: (transaction: LedgerTransaction) => Promise<unknown>,
): Promise<OpenTransaction> {
  let end: (last: (transaction: LedgerTransaction) => Promise<void>) => void = () => {};
  const last = new Promise<(transaction: LedgerTransaction) => Promise<void>>((resolve) => {
    end = resolve;
  });
  let committed: Promise<void> | undefined;
  await new Promise<void>((resolve, reject) => {
    committed = store.transact(async (transaction) => {
      await first(transaction);
      resolve();
      await (await last)(transaction);
    });
    committed.catch(reject);
  });
  return {
    async commit(work = async () => {}) {
      end(work);
      await committed;
    },
  };
}

/**
 * Resolves once so many transactions wait for a lock. SQLite shows nobody who waits: there it gives them a while to begin, so that a case can
 * miss a transaction that doesn't wait, but never fails one that does.
 */
export async function untilBlocked(database: TestDatabase, transactions = 1): Promise<void> {
  if (database.backend === "sqlite") return sleep(50);
  for (let looks = 0; looks < 200; looks++) {
    const waiting = await database.tamper(
      "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (waiting.length >= transactions) return;
  }
  throw new Error(`there are never ${transactions} transactions that wait for a lock`);
}

/** Runs SQL that each backend says its own way. */
export function tamperAs(database: TestDatabase, sql: Readonly<Record<Backend, string>>): Promise<unknown[]> {
  return database.tamper(sql[database.backend]);
}

/** Reads a list to its end. @returns its pages */
export async function pagesOf<Row, Cursor>(
  page: (cursor: Cursor | undefined) => Promise<{ readonly rows: readonly Row[]; readonly next: Cursor | undefined }>,
): Promise<(readonly Row[])[]> {
  const pages: (readonly Row[])[] = [];
  for (let cursor: Cursor | undefined; pages.length < 1_000; ) {
    const { rows, next } = await page(cursor);
    pages.push(rows);
    if (next === undefined) return pages;
    cursor = next;
  }
  throw new Error("the list has no end");
}

/** A folder that goes when the case ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-conformance-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A port of this machine that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Reads a table to its end, two rows at a time, as an audit does. @param keyOf what the next slice starts above */
export async function walk<Row, Key>(
  after: Key,
  keyOf: (row: Row) => Key,
  slice: (after: Key, limit: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let key = after; rows.length < 1_000; ) {
    const more = await slice(key, 2);
    rows.push(...more);
    if (more.length < 2) return rows;
    key = keyOf(more[1] as Row);
  }
  throw new Error("the table has no end");
}
