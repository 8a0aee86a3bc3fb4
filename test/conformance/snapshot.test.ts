import { expect, it } from "vitest";
import type { AuditView } from "../../src/storage/audit-store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, generationRow, transactionRow } from "./rows.js";
import { fresh, openedPair, save } from "./support.js";

describeStores("snapshot", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("shows one moment for as long as it takes, whatever is written meanwhile", async () => {
    const account = accountRow(fresh("ann"));
    await save(pair.store, { openedAccounts: [account] });
    const read = async (view: AuditView) => ({
      counts: await view.counts(),
      accounts: await view.accountsAfter("", 100),
      transactions: await view.transactionsToCheckAfter("", 100),
    });
    await pair.store.snapshot(async (view) => {
      const before = await read(view);
      expect(before.accounts).toContainEqual(account);
      await save(pair.store, {
        openedAccounts: [accountRow(fresh("ben"))],
        changedAccounts: [{ ...account, balanceUsdMicros: 2n }],
      });
      await save(pair.other, { transactions: [transactionRow()], openedGenerations: [generationRow()] });
      expect(await read(view)).toEqual(before);
    });
    expect((await pair.store.snapshot((view) => view.counts())).transactions).toBe(1);
  });

  it("shows that moment to all of its reads, however many are asked for at once", async () => {
    const readAll = (view: AuditView) => Promise.all(Array.from({ length: 12 }, () => view.accountsAfter("", 100)));
    const read = await pair.store.snapshot(
      async (view) => {
        const before = await readAll(view);
        await save(pair.other, { openedAccounts: [accountRow(fresh("eve"))] });
        return [...before, ...(await readAll(view))];
      },
      { readsAtOnce: 4 },
    );
    for (const accounts of read) expect(accounts).toEqual(read[0]);
  });

  it("isn't over before its reads are, when the work failed meanwhile", async () => {
    const ended: string[] = [];
    const failing = pair.store.snapshot(
      async (view) => {
        for (let read = 0; read < 6; read++) void view.accountsAfter("", 100).then(() => ended.push("read"));
        throw new RangeError("my own");
      },
      { readsAtOnce: 2 },
    );
    await failing.catch(() => ended.push("snapshot"));
    expect(ended).toEqual([...Array(6).fill("read"), "snapshot"]);
  });

  it("hands out what the work returned, or the error it threw", async () => {
    expect(await pair.store.snapshot(async () => "done")).toBe("done");
    const error = new RangeError("my own");
    await expect(pair.store.snapshot(() => Promise.reject(error))).rejects.toBe(error);
  });
});
