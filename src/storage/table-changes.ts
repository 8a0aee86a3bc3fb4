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
    change(REQUESTS, inKeyOrder(REQUESTS, changes.requests)),
    change(GENERATIONS, inKeyOrder(GENERATIONS, changes.openedGenerations), changes.changedGenerations),
    change(ACCOUNTS, inKeyOrder(ACCOUNTS, changes.openedAccounts), changes.changedAccounts),
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

/** For rows that another instance may insert too: two that meet then wait, and don't deadlock. */
export function inKeyOrder<Row>(table: Table<Row>, rows: readonly Row[]): readonly Row[] {
  if (rows.length < 2) return rows;
  return rows
    .map((row) => ({ row, key: table.encode(row, table.key).join("\n") }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}
