import { expect, it } from "vitest";
import type { AuditView } from "../../src/storage/audit-store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, entryRow, requestRow, transactionRow } from "./rows.js";
import { fresh, ids, openedPair, save } from "./support.js";

describeStores("what an audit looks up", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => pair.store.snapshot(work);

  it("is accounts by account_id, from one on that may or may not be there", async () => {
    const accounts = ["A", "B#01", "a", "b"].map((accountId) => accountRow(accountId));
    await save(pair.store, { openedAccounts: accounts.toReversed() });
    expect(await view((open) => open.accountsFrom("B#01", 2))).toEqual(accounts.slice(1, 3));
    expect(await view((open) => open.accountsFrom("B#00", 1))).toEqual(accounts.slice(1, 2));
    expect(await view((open) => open.accountsFrom("c", 100))).toEqual([]);
  });

  it("is transactions by id as those of a walk, without the unknown ones", async () => {
    const [first = "", second = "", third = ""] = ids(3);
    const transactions = [first, second].map((transactionId) =>
      transactionRow({ transactionId, requestId: fresh("request") }),
    );
    await save(pair.store, {
      transactions,
      entries: [0, 1].map((position) => entryRow(fresh("ann"), 1n, { transactionId: second, position })),
      requests: transactions.map(({ requestId, transactionId }) =>
        requestRow({ requestId, resourceId: transactionId }),
      ),
    });
    const walked = await view((open) => open.transactionsToCheckAfter("", 1_000));
    const wanted = walked.filter(({ transaction }) => [first, second].includes(transaction.transactionId));
    expect(wanted).toHaveLength(2);
    expect(await view((open) => open.transactionsToCheck([third, second, first]))).toEqual(wanted);
    expect(await view((open) => open.transactionsToCheck([]))).toEqual([]);
  });

  it("is the entries of these transactions alone, however many others lie between them", async () => {
    const [first = "", ...others] = ids(60);
    const last = others.pop() ?? "";
    const transactions = [first, last].map((transactionId) => transactionRow({ transactionId }));
    const ann = fresh("ann");
    const entries = [first, ...others, last].map((transactionId, index) =>
      entryRow(ann, BigInt(index + 1), { transactionId, amountUsdMicros: BigInt(index) }),
    );
    await save(pair.store, { transactions, entries });
    const found = await view((open) => open.transactionsToCheck([first, last]));
    expect(found.map(({ postings }) => postings)).toEqual([
      [{ accountId: ann, amountUsdMicros: 0n }],
      [{ accountId: ann, amountUsdMicros: 59n }],
    ]);
  });

  it("is hashes of entries by account and version together, without those that aren't there", async () => {
    const [ann, ben] = [fresh("ann"), fresh("ben")];
    const entries = [entryRow(ann, 1n), entryRow(ann, 9_007_199_254_740_993n), entryRow(ben, 2n)];
    await save(pair.store, { entries });
    const keys = [...entries.map(({ accountId, accountVersion }) => ({ accountId, accountVersion }))];
    const strangers = [
      { accountId: ann, accountVersion: 2n },
      { accountId: ben, accountVersion: 1n },
      { accountId: fresh("ann"), accountVersion: 1n },
    ];
    const found = await view((open) => open.entryHashes([...strangers, ...keys]));
    expect(new Set(found)).toEqual(
      new Set(entries.map(({ accountId, accountVersion, hash }) => ({ accountId, accountVersion, hash }))),
    );
    expect(await view((open) => open.entryHashes(strangers))).toEqual([]);
    expect(await view((open) => open.entryHashes([]))).toEqual([]);
  });
});
