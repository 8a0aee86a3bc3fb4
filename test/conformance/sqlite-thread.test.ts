import { setImmediate as turn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { expect, it, onTestFinished, vi } from "vitest";
import { openStore } from "../../src/storage/open.js";
import { ThreadConnection, ThreadEnded } from "../../src/storage/sqlite/thread-connection.js";
import type { Script } from "../../src/storage/sqlite/thread-messages.js";
import type { Store } from "../../src/storage/store.js";
import { accountRow, NO_CHANGES } from "./rows.js";
import { fresh, save, temporaryFolder } from "./support.js";

/* Exception of SQLite: only its writing connection is a thread of this process, which can end as a connection to Postgres can break (unavailable.test.ts). */

const UNAVAILABLE = { name: "StoreError", kind: "UNAVAILABLE" };

function endOf(connection: ThreadConnection): Promise<number> {
  return (connection as unknown as { readonly worker: Worker }).worker.terminate();
}

/** A migrated store, and a way to end the thread that it writes on. */
async function storeWithThread(): Promise<{ readonly store: Store; readonly endThread: () => Promise<unknown> }> {
  const open = vi.spyOn(ThreadConnection, "open");
  const store = openStore(`sqlite:${await temporaryFolder()}/test.db`);
  onTestFinished(async () => {
    await store.close();
    open.mockRestore();
  });
  await store.migrate();
  return { store, endThread: async () => endOf((await open.mock.results.at(-1)?.value) as ThreadConnection) };
}

async function openConnection(): Promise<ThreadConnection> {
  const connection = await ThreadConnection.open({ path: ":memory:", pragmas: [] });
  onTestFinished(() => connection.close());
  await connection.run(script("create table numbers (number integer primary key, bytes blob)"));
  return connection;
}

function script(...statements: readonly string[]): Script {
  return { statements: statements.map((sql) => ({ sql, bindings: [] })) };
}

async function numbersIn(connection: ThreadConnection): Promise<unknown[]> {
  const [result] = await connection.run(script("select number from numbers order by number"));
  return (result?.rows ?? []).map((row) => row.number);
}

it("a transaction whose thread ends fails as UNAVAILABLE, nothing of it is written, and the store is of use again", async () => {
  const { store, endThread } = await storeWithThread();
  const account = accountRow(fresh("ann"));
  const end = store.transact(async (transaction) => {
    await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
    await endThread();
    await transaction.loadAccounts([account.accountId]);
  });
  await expect(end).rejects.toMatchObject(UNAVAILABLE);
  expect(await store.accounts([account.accountId])).toEqual([]);
  await save(store, { openedAccounts: [account] });
  expect(await store.accounts([account.accountId])).toEqual([account]);
});

it("a transaction whose thread ends before its COMMIT fails as UNAVAILABLE", async () => {
  const { store, endThread } = await storeWithThread();
  const account = accountRow(fresh("ann"));
  const end = store.transact(async (transaction) => {
    await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
    await endThread();
  });
  await expect(end).rejects.toMatchObject(UNAVAILABLE);
  expect(await store.accounts([account.accountId])).toEqual([]);
});

it("a thread that ends fails everything that it hasn't answered", async () => {
  const connection = await openConnection();
  const asked = [1, 2, 3].map((number) => connection.run(script(`insert into numbers values (${number}, null)`)));
  const ends = Promise.allSettled(asked);
  await endOf(connection);
  for (const end of await ends) {
    if (end.status === "rejected") expect(end.reason).toBeInstanceOf(ThreadEnded);
  }
  expect(connection.isAlive).toBe(false);
  await expect(connection.run(script("select 1"))).rejects.toBeInstanceOf(ThreadEnded);
});

it("a transaction is over with the first of its statements that fails, and what was sent after that has no effect", async () => {
  const connection = await openConnection();
  const insert = (number: number) => `insert into numbers values (${number}, null)`;
  const ends = await Promise.allSettled([
    connection.run({ ...script(insert(1)), transaction: 1 }),
    connection.run({ ...script(insert(2), insert(1), insert(3)), transaction: 1 }),
    connection.run({ ...script(insert(4)), transaction: 1 }),
    connection.run({ ...script(insert(5)), transaction: 1, ending: "COMMIT" }),
    connection.run({ ...script(insert(6)), transaction: 2, ending: "COMMIT" }),
  ]);
  expect(ends.map((end) => (end.status === "rejected" ? end.reason.code : end.status))).toEqual([
    "fulfilled",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_ABORT",
    "SQLITE_ABORT",
    "fulfilled",
  ]);
  expect(await numbersIn(connection)).toEqual([6n]);
});

it("a transaction whose statement fails takes none of another's along that only reads", async () => {
  const connection = await openConnection();
  const insert = (number: number) => `insert into numbers values (${number}, null)`;
  const ends = await Promise.allSettled([
    connection.run({ ...script("select number from numbers"), transaction: 1 }),
    connection.run({ ...script(insert(1), insert(1)), transaction: 2 }),
    connection.run({ ...script(insert(2)), transaction: 1, ending: "COMMIT" }),
    connection.run({ ...script(), transaction: 2, ending: "LEAVE" }),
  ]);
  expect(ends.map((end) => end.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  expect(await numbersIn(connection)).toEqual([2n]);
});

it("integers arrive as bigint and bytes as bytes", async () => {
  const connection = await openConnection();
  const sql = "insert into numbers values (?, ?) returning *";
  const row = { number: 2n ** 63n - 1n, bytes: new Uint8Array([0, 1, 255]) };
  const [result] = await connection.run({ statements: [{ sql, bindings: Object.values(row) }] });
  expect(result?.rows).toEqual([row]);
});

it("the event loop turns while the thread works", async () => {
  const connection = await openConnection();
  let turns = 0;
  let isDone = false;
  const slow = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) insert into numbers select i, null from n`;
  const end = connection.run(script(slow)).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await turn();
    turns++;
  }
  await end;
  expect(turns).toBeGreaterThan(10);
});
