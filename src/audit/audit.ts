import type { AuditCounts, AuditStore, AuditView } from "../storage/audit-store.js";
import { AccountWalk } from "./account-walk.js";
import { totalOf, Walker } from "./slices.js";
import { walkGenerations, walkRollups, walkStrays, walkTransactions } from "./table-walks.js";
import { TrialBalance, type TrialBalanceLine } from "./trial-balance.js";
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
  const counts = await view.counts();
  const total = totalOf(counts);
  const walker = new Walker(options.sliceRows ?? DEFAULT_SLICE_ROWS, (done) => options.onProgress?.(done, total), true);
  const violations = new ViolationCollector();
  const ofTables = new ViolationCollector();
  const trialBalance = new TrialBalance();

  // Side by side, as far as the view has connections for it. What each finds is told in the same order whichever is quicker.
  await sideBySide(walker, [
    new AccountWalk(view, walker, violations, trialBalance).run(),
    walkTables(view, walker, counts, ofTables),
  ]);
  violations.addAll(ofTables.list());
  violations.add(trialBalance.close());

  const { accounts, entries, transactions, generations } = walker.walked;
  return {
    checked: { accounts, entries, transactions, generations },
    violations: violations.list(),
    trialBalance: trialBalance.lines(),
  };
}

async function walkTables(
  view: AuditView,
  walker: Walker,
  counts: AuditCounts,
  violations: ViolationCollector,
): Promise<void> {
  await walkTransactions(view, walker, violations);
  await walkStrays(view, walker, counts, violations);
  await walkRollups(view, walker, violations);
  await walkGenerations(view, walker, violations);
}

/** Waits for all of them; where one fails, the others end early, so that none goes on in a snapshot that is over. */
async function sideBySide(walker: Walker, walks: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(walks);
  } catch (error) {
    walker.stop();
    await Promise.allSettled(walks);
    throw error;
  }
}
