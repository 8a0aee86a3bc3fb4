import type { Refundable } from "../domain/ledger/refund.js";
import type { Grant, Hold } from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";
import { NEVER } from "./columns.js";
import { groupBy } from "./group.js";
import type { LoadedDue, LoadedKeys } from "./store.js";
import { ENTRIES, GRANTS, HOLDS, REWARD_POLICIES, REWARDS, TRANSACTIONS } from "./tables.js";
import { isUuid } from "./uuid.js";

/** Of some policies, the one that is in force last. */
export const LATEST_POLICY = "order by effective_time desc, create_time desc, policy_id desc limit 1";

/** A list of values as one parameter: `column ${sql}` tests membership. */
export interface ListParameter {
  readonly sql: string;
  readonly binding: unknown;
}

/** How a backend runs a query and passes a list. */
export interface LedgerQueries {
  /** @param name of the statement, distinct for each SQL text */
  query(name: string, sql: string, bindings: readonly unknown[]): Promise<Record<string, unknown>[]>;
  uuids(ids: readonly string[]): ListParameter;
  texts(values: readonly string[]): ListParameter;
}

/** The ledger's loads that are the same SQL on both backends, all of them read under locks that are held already. */
export class LedgerLoads {
  constructor(private readonly queries: LedgerQueries) {}

  async grantsById(grantIds: readonly string[]): Promise<Grant[]> {
    if (grantIds.length === 0) return [];
    const ids = this.queries.uuids(grantIds);
    const sql = `select * from credit_grants where grant_id ${ids.sql}`;
    return (await this.queries.query("load_grants_by_id", sql, [ids.binding])).map(GRANTS.decode);
  }

  /**
   * The rolling grants that the first ones in burn order left out: only an account with as many as were asked for can have one further down.
   * @param first open and rolling grants, at most `limitPerAccount` of each account
   */
  async rollingBeyond(first: readonly Grant[], limitPerAccount: number): Promise<Grant[]> {
    if (first.length < limitPerAccount) return [];
    const counts = new Map<string, number>();
    for (const { accountId, isRolling } of first) {
      counts.set(accountId, isRolling ? Number.NEGATIVE_INFINITY : (counts.get(accountId) ?? 0) + 1);
    }
    const full = [...counts].filter(([, count]) => count === limitPerAccount).map(([accountId]) => accountId);
    if (full.length === 0) return [];
    const owners = this.queries.texts(full);
    const sql = `select * from credit_grants where account_id ${owners.sql} and is_rolling`;
    return (await this.queries.query("load_rolling_grants", sql, [owners.binding])).map(GRANTS.decode);
  }

  async holds(holdIds: readonly string[]): Promise<Hold[]> {
    const ids = this.queries.uuids(holdIds.filter(isUuid));
    const sql = `select * from holds where hold_id ${ids.sql}`;
    return (await this.queries.query("load_holds", sql, [ids.binding])).map(HOLDS.decode);
  }

  async due(accountIds: readonly string[], now: EpochMicros): Promise<LoadedDue> {
    const owners = this.queries.texts(accountIds);
    const openGrants = `from credit_grants where account_id ${owners.sql} and is_open and expire_time < ${NEVER}`;
    const activeHolds = `from holds where account_id ${owners.sql} and state = 'ACTIVE' and expire_time < ${NEVER}`;
    const bindings = [owners.binding, now];
    const grants = await this.queries.query("load_due_grants", `select * ${openGrants} and expire_time <= ?`, bindings);
    const holds = await this.queries.query("load_due_holds", `select * ${activeHolds} and expire_time <= ?`, bindings);
    const next = await this.queries.query(
      "load_next_expiries",
      `select account_id, min(expire_time) as expire_time from (
         select account_id, expire_time ${openGrants} and expire_time > ?
         union all
         select account_id, expire_time ${activeHolds} and expire_time > ?) e group by account_id`,
      [...bindings, ...bindings],
    );
    return {
      grants: grants.map(GRANTS.decode),
      holds: holds.map(HOLDS.decode),
      nextExpiries: new Map(next.map((row) => [row.account_id as string, BigInt(row.expire_time as bigint)])),
    };
  }

  async refundables(transactionIds: readonly string[]): Promise<Refundable[]> {
    const ids = this.queries.uuids(transactionIds);
    const select = (name: string, table: string, order: string) =>
      this.queries.query(name, `select * from ${table} where transaction_id ${ids.sql} order by ${order}`, [
        ids.binding,
      ]);
    const transactions = await select("load_refund_transactions", "transactions", "transaction_id");
    const entries = await select("load_refund_entries", "entries", "transaction_id, position");
    const rewards = await select("load_refund_rewards", "rewards", "transaction_id, position");
    const entriesOf = groupBy(entries.map(ENTRIES.decode), transactionIdOf);
    const rewardsOf = groupBy(rewards.map(REWARDS.decode), transactionIdOf);
    return transactions.map(TRANSACTIONS.decode).map((transaction) => ({
      transaction,
      entries: entriesOf.get(transaction.transactionId) ?? [],
      rewards: rewardsOf.get(transaction.transactionId) ?? [],
    }));
  }

  async rewardPolicy(time: EpochMicros): Promise<RewardPolicyRow> {
    const sql = `select * from reward_policies where effective_time <= ? ${LATEST_POLICY}`;
    const [row] = await this.queries.query("load_reward_policy", sql, [time]);
    return REWARD_POLICIES.decode(row as Record<string, unknown>);
  }

  /** Which account a hold is in: never changes, so it may be read before any lock. */
  async accountsOfHolds(holdIds: readonly string[]): Promise<LoadedKeys["holds"]> {
    if (holdIds.length === 0) return [];
    return (await this.holds(holdIds)).map(({ holdId, accountId }) => ({ holdId, accountId }));
  }

  /** Which accounts a transaction touched: never changes, so it may be read before any lock. */
  async accountsOfTransactions(transactionIds: readonly string[]): Promise<LoadedKeys["transactions"]> {
    const ids = this.queries.uuids(transactionIds.filter(isUuid));
    if (transactionIds.length === 0) return [];
    const sql = `select transaction_id, account_id from entries where transaction_id ${ids.sql}`;
    const rows = await this.queries.query("load_transaction_accounts", sql, [ids.binding]);
    return [...groupBy(rows, (row) => row.transaction_id as string)].map(([transactionId, ofTransaction]) => ({
      transactionId,
      accountIds: ofTransaction.map((row) => row.account_id as string),
    }));
  }
}

function transactionIdOf({ transactionId }: { readonly transactionId: string }): string {
  return transactionId;
}
