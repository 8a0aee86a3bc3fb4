import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import createKnex, { type Knex } from "knex";
import { describe, inject } from "vitest";
import { openStore } from "../../src/storage/open.js";
import type { Store } from "../../src/storage/store.js";
import { ALL_TABLES } from "../../src/storage/tables.js";

export type Backend = "sqlite" | "postgres";

/** A database of its own, and ways to open it again and to reach behind the store's back. */
export interface TestDatabase {
  readonly backend: Backend;
  readonly url: string;
  /** Opens a store on it, migrated; call as often as there should be instances. */
  open(): Promise<Store>;
  /** Runs SQL past the store, as someone with the database password could. */
  tamper(sql: string): Promise<unknown[]>;
  /** Keeps a copy of all rows as they are; what it returns puts them back, as often as it is called. */
  remember(): Promise<() => Promise<void>>;
  /** Closes what was opened and deletes the database. */
  destroy(): Promise<void>;
}

/** Declares the same tests for every backend. */
export function describeStores(
  name: string,
  tests: (makeDatabase: () => Promise<TestDatabase>, backend: Backend) => void,
): void {
  describe.each(["sqlite", "postgres"] as const)(`${name} on %s`, (backend) => {
    tests(() => makeDatabase(backend), backend);
  });
}

export async function makeDatabase(backend: Backend): Promise<TestDatabase> {
  return backend === "sqlite" ? makeSqliteDatabase() : makePostgresDatabase();
}

async function makeSqliteDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-sqlite-"));
  const file = join(directory, "test.db");
  return database("sqlite", `sqlite:${file}`, {
    direct: () =>
      createKnex({
        client: "better-sqlite3",
        connection: { filename: file },
        useNullAsDefault: true,
        pool: {
          min: 1,
          max: 1,
          afterCreate(connection: { pragma(text: string): void }, done: (error: unknown, connection: unknown) => void) {
            connection.pragma("busy_timeout = 0");
            done(undefined, connection);
          },
        },
      }),
    remove: () => rm(directory, { recursive: true, force: true }),
  });
}

async function makePostgresDatabase(): Promise<TestDatabase> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await onServer(serverUrl, `create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return database("postgres", url.href, {
    direct: () => createKnex({ client: "pg", connection: url.href, pool: { min: 0, max: 1 } }),
    remove: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  });
}

function database(
  backend: Backend,
  url: string,
  ways: { readonly direct: () => Knex; readonly remove: () => Promise<unknown> },
): TestDatabase {
  const opened: Store[] = [];
  // Connects when it is first used.
  const direct = ways.direct();
  const inOneTransaction = (statementsOf: (table: string) => readonly string[]): Promise<void> =>
    whenUnlocked(() =>
      direct.transaction(async (transaction) => {
        for (const { name } of ALL_TABLES) {
          for (const statement of statementsOf(name)) await transaction.raw(statement);
        }
      }),
    );
  return {
    backend,
    url,
    async open() {
      const store = openStore(url);
      opened.push(store);
      await store.migrate();
      return store;
    },
    async tamper(sql) {
      const result = await whenUnlocked(async () => direct.raw(sql));
      return backend === "postgres" ? result.rows : result;
    },
    async remember() {
      await inOneTransaction((table) => [`create table kept_${table} as select * from ${table}`]);
      return () =>
        inOneTransaction((table) => [`delete from ${table}`, `insert into ${table} select * from kept_${table}`]);
    },
    async destroy() {
      for (const store of opened) await store.close();
      await direct.destroy();
      await ways.remove();
    },
  };
}

const LOCK_LOOKS = 1_000;
const LOCK_POLL_MS = 10;

/** Waits for SQLite's write lock, ten seconds at most, but not within SQLite: that would hold the event loop, on which a store that has the lock waits to end its transaction. */
async function whenUnlocked<T>(work: () => Promise<T>): Promise<T> {
  for (let looks = 1; ; looks++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "SQLITE_BUSY" || looks === LOCK_LOOKS) throw error;
      await sleep(LOCK_POLL_MS);
    }
  }
}

async function onServer(url: string, sql: string): Promise<void> {
  const knex = createKnex({ client: "pg", connection: url, pool: { min: 0, max: 1 } });
  try {
    await knex.raw(sql);
  } finally {
    await knex.destroy();
  }
}
