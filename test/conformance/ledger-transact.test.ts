import { expect, it } from "vitest";
import { describeStores } from "../support/stores.js";
import { accountRow, generationRow, NO_CHANGES, NOON, requestRow, rewardRow, transactionRow } from "./rows.js";
import { fresh, openedPair, save } from "./support.js";

describeStores("transact", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it("has committed when it resolves, for whoever looks, and hands out what the work returned", async () => {
    const account = accountRow(fresh("ann"));
    const result = await pair.store.transact(async (transaction) => {
      await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
      return "done";
    });
    expect(result).toBe("done");
    expect(await pair.other.accounts([account.accountId])).toEqual([account]);
  });

  it.each([
    ["an error of one's own", new RangeError("my own")],
    ["an error that reads like one of a driver", new Error("Connection terminated: the timeout has ended")],
    ["an error with a code of a driver's form", Object.assign(new Error("mine"), { code: "SQLITE_BUSY" })],
    ["an error with a code that Postgres uses", Object.assign(new Error("mine"), { code: "40001" })],
    ["what is no Error at all", "just a text"],
  ])("writes nothing if the work throws %s, which comes out as it is", async (_, thrown) => {
    const account = accountRow(fresh("ann"));
    const end = pair.store.transact(async (transaction) => {
      await transaction.loadAccounts([account.accountId]);
      await transaction.save({ ...NO_CHANGES, openedAccounts: [account], requests: [requestRow()] });
      throw thrown;
    });
    expect(await end.catch((error: unknown) => error)).toBe(thrown);
    expect(await pair.other.accounts([account.accountId])).toEqual([]);
    await expect(save(pair.other, { openedAccounts: [account] })).resolves.toBeUndefined();
  });

  it("has committed a save that was its last call when it resolves", async () => {
    const account = accountRow(fresh("ann"));
    const seen = await pair.store.transact(async (transaction) => {
      const [found] = await Promise.all([
        transaction.loadAccounts([account.accountId]),
        transaction.save({ ...NO_CHANGES, openedAccounts: [account] }, true),
      ]);
      return found;
    });
    expect(seen).toEqual([]);
    expect(await pair.other.accounts([account.accountId])).toEqual([account]);
  });

  it("writes nothing of a last save that meets a row which is there, and is of use again", async () => {
    const [known, account] = [accountRow(fresh("ann")), accountRow(fresh("ben"))];
    await save(pair.other, { openedAccounts: [known] });
    for (const openedAccounts of [[known], [known, account], [account, known]]) {
      const end = pair.store.transact((transaction) => transaction.save({ ...NO_CHANGES, openedAccounts }, true));
      await expect(end).rejects.toMatchObject({ name: "StoreError", kind: "CONFLICT" });
    }
    expect(await pair.other.accounts([account.accountId])).toEqual([]);
    await save(pair.store, { openedAccounts: [account] });
  });

  it("carries out calls in the order they are made in, whether or not each is waited for", async () => {
    const account = accountRow(fresh("ann"));
    await save(pair.store, { openedAccounts: [account] });
    const changed = { ...account, balanceUsdMicros: account.balanceUsdMicros + 1n };
    const answers = await pair.store.transact((transaction) =>
      Promise.all([
        transaction.loadAccounts([account.accountId]),
        transaction.save({ ...NO_CHANGES, changedAccounts: [changed] }),
        transaction.loadAccounts([account.accountId]),
      ]),
    );
    expect([answers[0], answers[2]]).toEqual([[account], [changed]]);
  });

  it("fails with the first of its calls that fails, and none after it takes effect", async () => {
    const [known, account] = [accountRow(fresh("ann")), accountRow(fresh("ben"))];
    await save(pair.other, { openedAccounts: [known] });
    const end = pair.store.transact((transaction) =>
      Promise.all([
        transaction.save({ ...NO_CHANGES, openedAccounts: [known] }),
        transaction.save({ ...NO_CHANGES, openedAccounts: [account] }),
      ]),
    );
    await expect(end).rejects.toMatchObject({ name: "StoreError", kind: "CONFLICT" });
    expect(await pair.other.accounts([account.accountId])).toEqual([]);
  });

  it("fails, and writes nothing, although the work has ignored that a call failed", async () => {
    const [known, account] = [accountRow(fresh("ann")), accountRow(fresh("ben"))];
    await save(pair.other, { openedAccounts: [known] });
    const end = pair.store.transact(async (transaction) => {
      await transaction.save({ ...NO_CHANGES, openedAccounts: [account] });
      await transaction.save({ ...NO_CHANGES, openedAccounts: [known] }).catch(() => {});
    });
    await expect(end).rejects.toThrow();
    expect(await pair.other.accounts([account.accountId])).toEqual([]);
  });

  it("is of use again after a failure", async () => {
    const account = accountRow(fresh("ann"));
    await save(pair.store, { openedAccounts: [account] });
    for (let failures = 0; failures < 20; failures++) {
      await expect(save(pair.store, { openedAccounts: [account] })).rejects.toMatchObject({ kind: "CONFLICT" });
    }
    expect(await pair.store.transact((transaction) => transaction.loadAccounts([account.accountId]))).toEqual([
      account,
    ]);
  });

  it("runs several transactions of one store, each to its end", async () => {
    const accounts = Array.from({ length: 20 }, (_, index) => accountRow(fresh(`account-${index}`)));
    await Promise.all(accounts.map((account) => save(pair.store, { openedAccounts: [account] })));
    expect(await pair.other.accounts(accounts.map((account) => account.accountId))).toHaveLength(20);
  });

  it("refuses data that can't be stored, as REFUSED, and writes nothing of its batch", async () => {
    const refused = [
      { transactions: [transactionRow({ description: null as never })] },
      { openedAccounts: [accountRow(fresh("ben"), { balanceUsdMicros: 2n ** 63n })] },
      { openedAccounts: [accountRow(fresh("ben"), { balanceUsdMicros: -(2n ** 63n) - 1n })] },
    ];
    for (const rows of refused) {
      const generation = generationRow();
      const end = save(pair.store, { openedGenerations: [generation], ...rows });
      await expect(end).rejects.toMatchObject({ name: "StoreError", kind: "REFUSED" });
      expect(await pair.store.findGenerations({ generationId: generation.generationId, runId: "" })).toEqual([]);
    }
  });

  it("refuses an id that is no UUID", async () => {
    const end = save(pair.store, { openedGenerations: [generationRow({ generationId: fresh("no-uuid") })] });
    // Exception of SQLite, which has no such type: an id is a text there, and nothing but the ledger makes ids.
    if (backend === "sqlite") await expect(end).resolves.toBeUndefined();
    else await expect(end).rejects.toMatchObject({ name: "StoreError", kind: "REFUSED" });
  });

  // Exception of SQLite: transactions run one after another there, so none is ever asked to run again; ledger-locks.test.ts has the one conflict it knows.
  if (backend === "postgres") {
    it("fails as a CONFLICT where the database wants the transaction run again", async () => {
      await pair.database.tamper(`create function run_again() returns trigger language plpgsql as
        $$begin raise exception 'as a distributed engine says it' using errcode = '40001'; end$$`);
      await pair.database.tamper(
        "create trigger run_again before insert on rewards for each row execute function run_again()",
      );
      const end = save(pair.store, { rewards: [rewardRow(fresh("ann"))] });
      await expect(end).rejects.toMatchObject({ name: "StoreError", kind: "CONFLICT" });
      await pair.database.tamper("drop trigger run_again on rewards");
    });
  }
});

describeStores("newestTime", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("is 0 in an empty store, then the time of the newest transaction or generation", async () => {
    expect(await pair.store.newestTime()).toBe(0n);
    await save(pair.store, { transactions: [transactionRow({ createTime: NOON })] });
    expect(await pair.store.newestTime()).toBe(NOON);
    await save(pair.other, { openedGenerations: [generationRow({ createTime: NOON + 7n })] });
    expect(await pair.store.newestTime()).toBe(NOON + 7n);
    await save(pair.other, { transactions: [transactionRow({ createTime: NOON + 8n })] });
    expect(await pair.store.newestTime()).toBe(NOON + 8n);
  });
});
