import { TollgateError } from "../domain/errors.js";
import type { Account, EntryRow } from "../domain/ledger/rows.js";
import type { AuditCounts, AuditView } from "../storage/audit-store.js";
import { AccountWalk } from "./account-walk.js";
import { viewOfAccount } from "./one-account.js";
import { checkSettlement } from "./settlement-checks.js";
import { Walker } from "./slices.js";
import { checkTransaction } from "./transaction-checks.js";
import { TrialBalance } from "./trial-balance.js";
import { type Violation, ViolationCollector } from "./violations.js";

/** What an audit of one account looked at and what it found. */
export interface AccountReport {
  readonly accountId: string;
  /** Its row, or its stripes as far as they exist; none if the row is gone and something else of it isn't. */
  readonly accounts: readonly Account[];
  readonly checked: Pick<AuditCounts, "entries" | "grants" | "transactions">;
  /** The first row of each kind, in the order found; empty if the account is right. */
  readonly violations: readonly Violation[];
}

const DEFAULT_SLICE_ROWS = 1_000;

/**
 * Checks one account as the audit of everything does: its entries, their hash chain, its grants and the transactions it took part in; of a platform account
 * all stripes. Holds no more than that audit.
 * @param accountId as callers know it
 * @throws TollgateError ACCOUNT_NOT_FOUND if the store has nothing of it; StoreError as auditLedger does
 */
export async function auditAccount(
  wholeView: AuditView,
  accountId: string,
  sliceRows = DEFAULT_SLICE_ROWS,
): Promise<AccountReport> {
  const view = viewOfAccount(wholeView, accountId);
  const walker = new Walker(sliceRows, () => {});
  const violations = new ViolationCollector();
  await new AccountWalk(view, walker, violations, new TrialBalance()).run();
  const { accounts, entries, grants } = walker.walked;
  if (accounts + entries + grants === 0) throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: accountId });
  const transactions = await walkItsTransactions(view, sliceRows, violations);
  return {
    accountId,
    accounts: await view.accountsAfter("", sliceRows),
    checked: { entries, grants, transactions },
    violations: violations.list(),
  };
}

/** @returns how many there are */
async function walkItsTransactions(view: AuditView, sliceRows: number, violations: ViolationCollector) {
  let checked = 0;
  for (let after: Pick<EntryRow, "accountId" | "accountVersion"> = { accountId: "", accountVersion: 0n }; ; ) {
    const slice = await view.allEntriesAfter(after, sliceRows);
    const ids = new Set(slice.map(([entry]) => entry.transactionId));
    for (const transaction of await view.transactionsToCheck([...ids])) {
      violations.add(checkTransaction(transaction));
      violations.add(checkSettlement(transaction));
      checked++;
    }
    const last = slice.at(-1)?.[0];
    if (!last || slice.length < sliceRows) return checked;
    after = last;
  }
}
