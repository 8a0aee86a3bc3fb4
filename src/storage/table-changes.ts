import type { Table } from "./columns.js";
import type { BatchChanges } from "./store.js";
import {
  ACCOUNTS,
  CLAWBACKS,
  ENTRIES,
  EVENTS,
  GENERATIONS,
  GRANTS,
  HOLDS,
  REQUESTS,
  REWARD_POLICIES,
  REWARDS,
  TRANSACTIONS,
} from "./tables.js";

/** What a batch does to one table. */
export interface TableChange {
  readonly table: Table<never>;
  readonly inserted: readonly never[];
  readonly updated: readonly never[];
}

/** A batch's changes by table, in the order they are written in: keys first, so that a race with another instance shows at once. Tables without changes are left out. */
export function changesByTable(changes: BatchChanges): TableChange[] {
  const all = [
    change(
      REQUESTS,
      inOrder(changes.requests, ({ caller, requestId }) => `${caller}\n${requestId}`),
    ),
    change(
      GENERATIONS,
      inOrder(changes.openedGenerations, ({ generationId }) => generationId),
      changes.changedGenerations,
    ),
    change(
      ACCOUNTS,
      inOrder(changes.openedAccounts, ({ accountId }) => accountId),
      changes.changedAccounts,
    ),
    change(GRANTS, changes.openedGrants, changes.changedGrants),
    change(HOLDS, changes.openedHolds, changes.changedHolds),
    change(TRANSACTIONS, changes.transactions, changes.changedTransactions),
    change(ENTRIES, changes.entries),
    change(REWARDS, changes.rewards, changes.changedRewards),
    change(CLAWBACKS, changes.clawbacks),
    change(EVENTS, changes.events),
    change(REWARD_POLICIES, changes.rewardPolicies),
  ];
  return all.filter(({ inserted, updated }) => inserted.length > 0 || updated.length > 0);
}

function change<Row>(table: Table<Row>, inserted: readonly Row[], updated: readonly Row[] = []): TableChange {
  return { table, inserted, updated } as unknown as TableChange;
}

/** Rows that another instance may write too: two that meet then wait, and don't deadlock. @param keyOf what the row is found by */
export function inOrder<Row>(rows: readonly Row[], keyOf: (row: Row) => string): readonly Row[] {
  if (rows.length < 2) return rows;
  return rows
    .map((row) => ({ row, key: keyOf(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}
