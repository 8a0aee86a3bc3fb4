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

  it("hands out what the work returned, or the error it threw", async () => {
    expect(await pair.store.snapshot(async () => "done")).toBe("done");
    const error = new RangeError("my own");
    await expect(pair.store.snapshot(() => Promise.reject(error))).rejects.toBe(error);
  });
});
