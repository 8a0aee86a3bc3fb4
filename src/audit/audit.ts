import type { AuditCounts, AuditStore, AuditView } from "../storage/audit-store.js";
import { AccountWalk } from "./account-walk.js";
import { totalOf, Walker } from "./slices.js";
import { walkGenerations, walkRollups, walkStrays, walkTransactions } from "./table-walks.js";
import { checkTotal, TrialBalance, type TrialBalanceLine } from "./trial-balance.js";
import { type Violation, ViolationCollector } from "./violations.js";

/** What an audit looked at and what it found. */
export interface AuditReport {
  readonly checked: Pick<AuditCounts, "accounts" | "entries" | "transactions" | "generations">;
  /** The first row of each kind, in the order found; empty if the books are right. */
  readonly violations: readonly Violation[];
  /** Sums to zero, or "all-accounts-sum-to-zero" is among the violations. */
  readonly trialBalance: readonly TrialBalanceLine[];
}

export interface AuditOptions {
  /** Called after each slice with the rows walked so far, of all tables, and how many there are in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Rows read at a time, at least 1: 1,000 unless told. */
  readonly sliceRows?: number | undefined;
  /** Does auditAccounts' work, at the same moment, while this thread does the rest; unless told it is done here. */
  readonly accounts?: AccountsAudit | undefined;
}

/** Audits the accounts and their entries. Once the signal is aborted nobody waits for a result. @param onProgress gets the rows walked so far */
export type AccountsAudit = (onProgress: (done: number) => void, signal: AbortSignal) => Promise<AccountsReport>;

/** What one half of an audit, that of the accounts, comes to: plain values, which a thread can send. */
export interface AccountsReport extends Pick<AuditReport, "violations" | "trialBalance"> {
  readonly checked: Pick<AuditCounts, "accounts" | "entries">;
}

/** Few, because what lives until its slice is done costs the garbage collector several times what it costs to read. */
const DEFAULT_SLICE_ROWS = 1_000;
/** What an audit makes use of: its two walks, and each of them reading ahead. */
export const READS_AT_ONCE = 4;

/**
 * Checks every invariant of the books (rules 8) on live data, at one moment, without holding up anyone who writes. Holds two slices of each table
 * and a few numbers for each grant of one account, however large the store is and however much is wrong.
 * @throws StoreError; REFUSED, naming the row, for one that is so damaged that it can't be read
 */
export function auditLedger(store: AuditStore, options: AuditOptions = {}): Promise<AuditReport> {
  return store.snapshot((view) => auditView(view, options), { readsAtOnce: READS_AT_ONCE });
}

/** As auditLedger, within a snapshot that the caller has more to do with. */
export async function auditView(view: AuditView, options: AuditOptions = {}): Promise<AuditReport> {
  const { onProgress, sliceRows = DEFAULT_SLICE_ROWS } = options;
  const counts = await view.counts();
  const total = totalOf(counts);
  const done = { ofAccounts: 0, ofTables: 0 };
  const tell = (more: Partial<typeof done>): void => {
    Object.assign(done, more);
    onProgress?.(done.ofAccounts + done.ofTables, total);
  };
  const stop = new AbortController();
  const walker = new Walker(sliceRows, (ofTables) => tell({ ofTables }), { readsAhead: true, signal: stop.signal });
  const auditTheAccounts = options.accounts ?? ((told, until) => auditAccounts(view, told, until, sliceRows));

  // Side by side; where one fails the other ends early, so that it doesn't go on in a snapshot that is over.
  const halves = [
    auditTheAccounts((ofAccounts) => tell({ ofAccounts }), stop.signal),
    auditTables(view, walker, counts),
  ] as const;
  try {
    const [ofAccounts, ofTables] = await Promise.all(halves);
    const violations = new ViolationCollector();
    // In this order, whichever was quicker.
    violations.addAll(ofAccounts.violations);
    violations.addAll(ofTables);
    violations.add(checkTotal(ofAccounts.trialBalance));
    const { transactions, generations } = walker.walked;
    return {
      checked: { ...ofAccounts.checked, transactions, generations },
      violations: violations.list(),
      trialBalance: ofAccounts.trialBalance,
    };
  } catch (error) {
    stop.abort();
    await Promise.allSettled(halves);
    throw error;
  }
}

/** The half of an audit that follows every account's entries, grants and holds. */
export async function auditAccounts(
  view: AuditView,
  onProgress: (done: number) => void,
  signal: AbortSignal,
  sliceRows = DEFAULT_SLICE_ROWS,
): Promise<AccountsReport> {
  const walker = new Walker(sliceRows, onProgress, { readsAhead: true, signal });
  const violations = new ViolationCollector();
  const trialBalance = new TrialBalance();
  await new AccountWalk(view, walker, violations, trialBalance).run();
  const { accounts, entries } = walker.walked;
  return {
    checked: { accounts, entries },
    violations: violations.list(),
    trialBalance: trialBalance.lines(),
  };
}

async function auditTables(view: AuditView, walker: Walker, counts: AuditCounts): Promise<Violation[]> {
  const violations = new ViolationCollector();
  await walkTransactions(view, walker, violations);
  await walkStrays(view, walker, counts, violations);
  await walkRollups(view, walker, violations);
  await walkGenerations(view, walker, violations);
  return violations.list();
}
