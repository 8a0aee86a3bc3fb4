import { expect, it } from "vitest";
import type { Generation } from "../../src/domain/generation/generation.js";
import type { EntryRow, Grant, TransactionRow } from "../../src/domain/ledger/rows.js";
import type { AuditedTransaction, AuditView } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, entryRow, fullGenerationRow, grantRow, rewardRow, transactionRow } from "./rows.js";
import { fresh, ids, openedPair, save, walk } from "./support.js";

describeStores("the view of an audit", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => pair.store.snapshot(work);

  it("walks transactions by transaction_id, with entries and rewards by position", async () => {
    const transactions = ids(5).map((transactionId) => transactionRow({ transactionId }));
    const [{ transactionId = "" } = {}] = transactions;
    const entries = [0, 1, 2].map((position) => entryRow(`account-${position}`, 1n, { transactionId, position }));
    const rewards = [0, 1].map((position) => rewardRow("ann", { transactionId, position }));
    await save(pair.store, { transactions, entries: entries.toReversed(), rewards: rewards.toReversed() });
    const read = await view((open) =>
      walk<AuditedTransaction, string>(
        "",
        (row) => row.transaction.transactionId,
        (after, limit) => open.transactionsAfter(after, limit),
      ),
    );
    expect(read).toEqual([
      { transaction: transactions[0], entries, rewards },
      ...transactions.slice(1).map((transaction) => ({ transaction, entries: [], rewards: [] })),
    ]);
  });

  it("walks an account's entries by version, each with its transaction, or null if there is none", async () => {
    const accountId = fresh("ann");
    const transactions = [1, 2, 3].map(() => transactionRow());
    const entries = [9, 10, 100, 101].map((version, index) =>
      entryRow(
        accountId,
        BigInt(version),
        index < 3 ? { transactionId: transactions[index]?.transactionId ?? "" } : {},
      ),
    );
    await save(pair.store, { transactions, entries: [...entries.toReversed(), entryRow(fresh("ben"), 10n)] });
    const read = await view((open) =>
      walk<readonly [EntryRow, TransactionRow | null], bigint>(
        0n,
        ([entry]) => entry.accountVersion,
        (after, limit) => open.entriesAfter(accountId, after, limit),
      ),
    );
    expect(read).toEqual(entries.map((entry, index) => [entry, transactions[index] ?? null]));
  });

  it("walks all grants of an account by grant_id, spent ones too", async () => {
    const accountId = fresh("ann");
    const grants = ids(5).map((grantId, index) =>
      grantRow(accountId, { grantId, remainingUsdMicros: BigInt(index % 2) }),
    );
    await save(pair.store, { openedGrants: [...grants.toReversed(), grantRow(fresh("ben"))] });
    const read = await view((open) =>
      walk<Grant, string>(
        "",
        (row) => row.grantId,
        (after, limit) => open.grantsAfter(accountId, after, limit),
      ),
    );
    expect(read).toEqual(grants);
  });

  it("walks generations by generation_id", async () => {
    const generations = ids(5).map((generationId) => fullGenerationRow({ generationId }));
    await save(pair.store, { openedGenerations: generations.toReversed() });
    const read = await view((open) =>
      walk<Generation, string>(
        "",
        (row) => row.generationId,
        (after, limit) => open.generationsAfter(after, limit),
      ),
    );
    expect(read).toEqual(generations);
  });

  it("finds entries whose transaction or account is missing, at most as many as asked for", async () => {
    const account = accountRow(fresh("ann"));
    const { accountId } = account;
    const [whole, withoutAccount] = [transactionRow(), transactionRow()];
    const orphans = [
      entryRow(accountId, 2n, { position: 3 }),
      entryRow(fresh("nobody"), 1n, { transactionId: withoutAccount.transactionId }),
    ];
    await save(pair.store, { openedAccounts: [account], transactions: [whole, withoutAccount] });
    const before = await view((open) => open.strayEntries(100));
    await save(pair.store, { entries: [entryRow(accountId, 1n, { transactionId: whole.transactionId }), ...orphans] });
    const names = orphans.map((entry) => `${entry.transactionId}/${entry.position}`);
    const strays = await view((open) => open.strayEntries(100));
    expect(new Set(strays)).toEqual(new Set([...before, ...names]));
    expect(await view((open) => open.strayEntries(1))).toHaveLength(1);
  });
});
