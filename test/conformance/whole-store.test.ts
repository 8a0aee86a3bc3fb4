import { expect, it } from "vitest";
import { openStore } from "../../src/storage/open.js";
import { describeStores } from "../support/stores.js";
import { accountRow, NO_CHANGES } from "./rows.js";
import { fresh, keepOpen, openedPair } from "./support.js";

describeStores("a store", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it("tells which backend it is", () => {
    expect(pair.store.backend).toBe(backend);
  });

  it("does nothing but reach the database when it is pinged", async () => {
    await expect(pair.store.ping()).resolves.toBeUndefined();
  });

  it("keeps a secret of 64 hex digits, made by the first to ask, the same for every instance and every time", async () => {
    const secrets = await Promise.all([pair.store.storedSecret(), pair.other.storedSecret()]);
    expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(secrets[1]).toBe(secrets[0]);
    expect(await pair.other.storedSecret()).toBe(secrets[0]);
    expect(await (await pair.database.open()).storedSecret()).toBe(secrets[0]);
  });

  it("keeps another secret in another database", async () => {
    const elsewhere = await makeDatabase();
    const secret = await (await elsewhere.open()).storedSecret();
    await elsewhere.destroy();
    expect(secret).not.toBe(await pair.store.storedSecret());
  });

  it("closes once what is running has ended", async () => {
    const store = openStore(pair.database.url);
    const account = accountRow(fresh("ann"));
    const running = await keepOpen(store, (transaction) => transaction.loadAccounts([account.accountId]));
    let isClosed = false;
    const closing = store.close().then(() => {
      isClosed = true;
    });
    await pair.other.ping();
    expect(isClosed).toBe(false);
    await running.commit((transaction) => transaction.save({ ...NO_CHANGES, openedAccounts: [account] }));
    await closing;
    expect(await pair.other.accounts([account.accountId])).toEqual([account]);
  });

  it("may be closed twice, and without ever having been used", async () => {
    const store = openStore(pair.database.url);
    await store.close();
    await expect(store.close()).resolves.toBeUndefined();
  });

  // Exception of SQLite: nobody can count who has a file open.
  if (backend === "postgres") {
    it("closes every connection", async () => {
      const url = new URL(pair.database.url);
      url.searchParams.set("application_name", "to-be-closed");
      const connections = () =>
        pair.database.tamper("select 1 from pg_stat_activity where application_name = 'to-be-closed'");
      const store = openStore(url.href);
      await Promise.all([store.ping(), store.newestTime(), store.storedSecret()]);
      expect((await connections()).length).toBeGreaterThan(0);
      await store.close();
      // The server takes a moment to notice.
      for (let looks = 0; looks < 100 && (await connections()).length > 0; looks++);
      expect(await connections()).toEqual([]);
    });
  }
});
