import { mkdir, writeFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { openStore } from "../../src/storage/open.js";
import type { Store } from "../../src/storage/store.js";
import { type Backend, describeStores } from "../support/stores.js";
import { accountRow, NO_CHANGES, toolRow } from "./rows.js";
import { ALWAYS, closedPort, fresh, ids, openedPair, save, temporaryFolder } from "./support.js";

const [SOME_ID = ""] = ids(1);

/** Every call of a store that reaches the database. */
const CALLS: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ["ping", (store) => store.ping()],
  ["transact", (store) => store.transact((transaction) => transaction.loadAccounts(["ann"]))],
  ["newestTime", (store) => store.newestTime()],
  ["accounts", (store) => store.accounts(["ann"])],
  ["grantOpenedBy", (store) => store.grantOpenedBy(SOME_ID, "ann")],
  ["transaction", (store) => store.transaction(SOME_ID)],
  [
    "listTransactions",
    (store) => {
      const filter = { types: [], toolId: "", generationId: "", externalReference: "", ...ALWAYS };
      return store.listTransactions(["ann"], filter, undefined, 10);
    },
  ],
  ["findGenerations", (store) => store.findGenerations({ generationId: "", runId: "run" })],
  [
    "listGenerations",
    (store) => {
      const filter = { accountId: "ann", states: [], toolId: "", spellId: "", castId: "", ...ALWAYS };
      return store.listGenerations(filter, undefined, 10);
    },
  ],
  [
    "listRewards",
    (store) => store.listRewards({ accountId: "ann", assetId: "", role: undefined, ...ALWAYS }, undefined, 10),
  ],
  ["earnings", (store) => store.earnings({ accountId: "ann", ...ALWAYS }, "DAY", true, 10)],
  ["listAssetUsage", (store) => store.listAssetUsage("ann", undefined, 10)],
  ["generationEvents", (store) => store.generationEvents(SOME_ID)],
  ["upsertTool", (store) => store.upsertTool(toolRow("flux"))],
  ["tool", (store) => store.tool("flux")],
  ["listTools", (store) => store.listTools(undefined, 10)],
  ["snapshot", (store) => store.snapshot((view) => view.counts())],
  ["migrate", (store) => store.migrate()],
  ["isMigrated", (store) => store.isMigrated()],
  ["storedSecret", (store) => store.storedSecret()],
];

const UNAVAILABLE = { name: "StoreError", kind: "UNAVAILABLE" };

/** A URL that there is no store behind. */
async function nowhere(backend: Backend): Promise<string> {
  if (backend === "postgres") return `postgres://nobody:nothing@127.0.0.1:${await closedPort()}/nowhere`;
  const folder = await temporaryFolder();
  await mkdir(`${folder}/a-folder.db`);
  return `sqlite:${folder}/a-folder.db`;
}

describeStores("a store that can't be reached", (_, backend) => {
  it.each(CALLS)("fails %s as UNAVAILABLE", async (_, call) => {
    const store = openStore(await nowhere(backend));
    onTestFinished(() => store.close());
    await expect(call(store)).rejects.toMatchObject(UNAVAILABLE);
  });
});

describeStores("a store that is lost", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it("fails as UNAVAILABLE once it is closed", async () => {
    const store = openStore(pair.database.url);
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.accounts(["ann"])).rejects.toMatchObject(UNAVAILABLE);
    await expect(save(store, {})).rejects.toMatchObject(UNAVAILABLE);
  });

  // Exception of SQLite: there is no connection to lose, but a file can turn out to be something else.
  if (backend === "sqlite") {
    it("fails as UNAVAILABLE where the file is no database", async () => {
      const file = `${await temporaryFolder()}/letters.db`;
      await writeFile(file, "these are letters, not a database. ".repeat(100));
      const store = openStore(`sqlite:${file}`);
      onTestFinished(() => store.close());
      await expect(store.ping()).rejects.toMatchObject(UNAVAILABLE);
      await expect(save(store, {})).rejects.toMatchObject(UNAVAILABLE);
    });
    return;
  }

  const cutConnections = () =>
    pair.database.tamper(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );

  it("fails a transaction as UNAVAILABLE whose connection breaks, writes nothing of it, and is of use again", async () => {
    const account = accountRow(fresh("ann"));
    const end = pair.store.transact(async (transaction) => {
      await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
      await cutConnections();
      await transaction.loadAccounts([account.accountId]);
    });
    await expect(end).rejects.toMatchObject(UNAVAILABLE);
    expect(await pair.store.accounts([account.accountId])).toEqual([]);
    await save(pair.store, { openedAccounts: [account] });
    expect(await pair.store.accounts([account.accountId])).toEqual([account]);
  });

  it("fails a transaction as UNAVAILABLE whose connection breaks before its COMMIT", async () => {
    const account = accountRow(fresh("ann"));
    const end = pair.store.transact(async (transaction) => {
      await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
      await cutConnections();
    });
    await expect(end).rejects.toMatchObject(UNAVAILABLE);
    expect(await pair.store.accounts([account.accountId])).toEqual([]);
  });

  it("fails a transaction as UNAVAILABLE whose connection breaks while it waits for a lock", async () => {
    const account = accountRow(fresh("ann"));
    await save(pair.store, { openedAccounts: [account] });
    const ends = await Promise.allSettled([
      pair.other.transact(async (transaction) => {
        await transaction.loadAccounts([account.accountId]);
        const waiting = pair.store.transact((second) => second.loadAccounts([account.accountId]));
        await Promise.allSettled([waiting, cutConnections()]);
        await waiting;
      }),
    ]);
    expect(ends[0]).toMatchObject({ status: "rejected", reason: UNAVAILABLE });
  });

  it("reads again after its idle connections were cut", async () => {
    await pair.store.ping();
    await cutConnections();
    await expect(pair.store.ping()).resolves.toBeUndefined();
  });
});
