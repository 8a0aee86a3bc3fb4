import type { Generation } from "../../domain/generation/generation.js";
import type { Refundable } from "../../domain/ledger/refund.js";
import type { Account, Grant, Hold } from "../../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import type { EpochMicros } from "../../domain/time.js";
import { ADD_TO_DAY, ONLY_NEW_USERS, type RollupChange, rollupOf } from "../asset-rollup.js";
import { type Column, type ColumnType, storedIn, type Table } from "../columns.js";
import type { RowsInTransaction } from "../known-rows.js";
import { LedgerLoads } from "../ledger-loads.js";
import type {
  BatchChanges,
  BatchKeys,
  LedgerTransaction,
  LoadedDue,
  LoadedKeys,
  LoadedRequests,
  RequestKey,
} from "../store.js";
import { changesByTable, type TableChange } from "../table-changes.js";
import { ACCOUNTS, ASSET_DAYS, ASSET_USERS, GENERATIONS, GRANTS, REQUESTS } from "../tables.js";
import { isUuid } from "../uuid.js";
import { binaryArray, type ElementType } from "./binary-array.js";
import type { PipelinedTransaction } from "./pipelined-transaction.js";

/*
 * The ledger writer's transaction on Postgres, READ COMMITTED. Locks are taken in one order everywhere: generations by generation_id, then accounts by account_id, each in one
 * statement; requests and grants are read by later statements, whose snapshots are newer than the locks. What is saved goes out as one data-modifying CTE: one round trip for all tables.
 * Every statement has a name, so that each connection plans it once.
 */

const SQL_TYPES: Record<ColumnType, ElementType> = {
  text: "text",
  "text?": "text",
  uuid: "uuid",
  int8: "bigint",
  "int8?": "bigint",
  expiry: "bigint",
  int4: "integer",
  float8: "double precision",
  bool: "boolean",
  bytes: "bytea",
  json: "text",
  movements: "text",
};

const CLOCK = "(extract(epoch from clock_timestamp()) * 1000000)::bigint";

export class PostgresLedgerTransaction implements LedgerTransaction {
  private readonly loads: LedgerLoads;

  constructor(
    private readonly transaction: PipelinedTransaction,
    private readonly known: RowsInTransaction,
  ) {
    this.loads = new LedgerLoads({
      query: (name, sql, bindings) => transaction.query(name, sql, bindings),
      uuids: (ids) => ({ sql: "= any(?::uuid[])", binding: binaryArray("uuid", ids) }),
      texts: (values) => ({ sql: "= any(?::text[])", binding: binaryArray("text", values) }),
    });
  }

  async loadKeys(keys: BatchKeys): Promise<LoadedKeys> {
    const [externalReferences, generations, holds, transactions] = await Promise.all([
      this.externalReferences(keys.externalReferences),
      this.generations(keys),
      this.loads.accountsOfHolds(keys.holds),
      this.loads.accountsOfTransactions(keys.transactions),
    ]);
    return { externalReferences, generations, holds, transactions };
  }

  loadGrantsById(grantIds: readonly string[]): Promise<Grant[]> {
    return this.loads.grantsById(grantIds);
  }

  loadHolds(holdIds: readonly string[]): Promise<Hold[]> {
    return this.loads.holds(holdIds);
  }

  loadDue(accountIds: readonly string[], now: EpochMicros): Promise<LoadedDue> {
    return this.loads.due(accountIds, now);
  }

  loadRefundables(transactionIds: readonly string[]): Promise<Refundable[]> {
    return this.loads.refundables(transactionIds);
  }

  loadRewardPolicy(time: EpochMicros): Promise<RewardPolicyRow> {
    return this.loads.rewardPolicy(time);
  }

  loadAccounts(accountIds: readonly string[]): Promise<Account[]> {
    return this.known.grants.locking(this.lockedAccounts(accountIds));
  }

  private async lockedAccounts(accountIds: readonly string[]): Promise<Account[]> {
    const rows = await this.transaction.queryValues(
      "load_accounts",
      `select ${ACCOUNTS.selected} from accounts where account_id = any(?::text[]) order by account_id for no key update`,
      [textArray(accountIds)],
    );
    return rows.map(ACCOUNTS.decodeValues);
  }

  async loadRequests(requests: readonly RequestKey[]): Promise<LoadedRequests> {
    // The left join gives the clock even where no request is known.
    const rows = await this.transaction.queryValues(
      "load_requests",
      `select clock, ${REQUESTS.selected} from (select ${CLOCK} as clock) c left join (
         select q.* from unnest(?::text[], ?::text[]) k(caller, request_id)
         join requests q on q.caller = k.caller and q.request_id = k.request_id) r on true`,
      [requests.map((key) => key.caller), requests.map((key) => key.requestId)].map(textArray),
    );
    const found = rows.map(([, ...values]) => values).filter(([caller]) => caller !== null);
    return { clock: rows[0]?.[0] as bigint, requests: found.map(REQUESTS.decodeValues) };
  }

  loadGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]> {
    return this.known.grants.load(accountIds, limitPerAccount, (unknown, limit) => this.readGrants(unknown, limit));
  }

  private async readGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]> {
    const rows = await this.transaction.queryValues(
      "load_grants",
      `select ${GRANTS.selected} from unnest(?::text[]) k(owner_id) cross join lateral (
         select * from credit_grants o where o.account_id = k.owner_id and (o.is_open or o.is_rolling)
         order by o.priority, o.expire_time, o.category desc, o.account_version, o.grant_id limit ?) g`,
      [textArray(accountIds), limitPerAccount],
    );
    const first = rows.map(GRANTS.decodeValues);
    return [...first, ...(await this.loads.rollingBeyond(first, limitPerAccount))];
  }

  async save(changes: BatchChanges, isLast = false): Promise<void> {
    this.known.grants.saving(changes);
    // Postgres runs the parts of a WITH that nothing reads from last to first. Nothing breaks if it ever doesn't, but instances that open the same rows would meet later.
    const tables = changesByTable(changes).reverse();
    if (tables.length === 0) return;
    const rollup = rollupOf(changes, this.known.users);
    const { name, sql } = saveQuery(tables, rollup);
    const bindings = [...rollupBindings(rollup), ...tables.flatMap(bindingsOf)];
    if (isLast) await this.transaction.queryAndCommit(name, sql, bindings);
    else await this.transaction.query(name, sql, bindings);
  }

  private async externalReferences(wanted: readonly string[]): Promise<LoadedKeys["externalReferences"]> {
    if (wanted.length === 0) return [];
    const rows = await this.transaction.query(
      "load_external_references",
      `select external_reference, transaction_id from transactions
       where external_reference = any(?::text[]) and external_reference <> ''`,
      [textArray(wanted)],
    );
    return rows.map((row) => ({
      externalReference: row.external_reference as string,
      transactionId: row.transaction_id as string,
    }));
  }

  private async generations(keys: BatchKeys): Promise<Generation[]> {
    if (keys.generations.length === 0) return [];
    const ids = keys.generations.map((ref) => ref.generationId).filter(isUuid);
    const runs = keys.generations.map((ref) => ref.runId).filter((runId) => runId !== "");
    // Nearly all are named by id. With the other name in the same statement Postgres makes two bitmaps, looks at the rows' pages in their order and sorts: half as much again.
    const rows = await (runs.length === 0
      ? this.transaction.queryValues("load_generations", generationsSql("generation_id = any(?::uuid[])"), [
          binaryArray("uuid", ids),
        ])
      : this.transaction.queryValues(
          "load_generations_and_runs",
          generationsSql("generation_id = any(?::uuid[]) or (run_id = any(?::text[]) and run_id <> '')"),
          [binaryArray("uuid", ids), textArray(runs)],
        ));
    return rows.map(GENERATIONS.decodeValues);
  }
}

function generationsSql(named: string): string {
  return `select ${GENERATIONS.selected} from generations where ${named} order by generation_id for no key update`;
}

/** The saves seen so far, by which tables they insert into and update: a few dozen at most. */
const SAVE_QUERIES = new Map<string, { readonly name: string; readonly sql: string }>();

/** All the statements of a save as one. */
function saveQuery(
  tables: readonly TableChange[],
  rollup: RollupChange,
): { readonly name: string; readonly sql: string } {
  const withUsers = rollup.users.length > 0;
  const shape = [withUsers, ...tables.map(shapeOf)].join();
  let query = SAVE_QUERIES.get(shape);
  if (!query) {
    const parts = tables.flatMap(({ table, inserted, updated }) => [
      ...(inserted.length > 0 ? [insertSql(table)] : []),
      ...(updated.length > 0 ? [updateSql(table)] : []),
    ]);
    const named = parts.map((sql, index) => `s${index} as (${sql})`);
    const all = rollup.days.length > 0 ? [...rollupParts(withUsers), ...named] : named;
    query = { name: `save_${SAVE_QUERIES.size}`, sql: `with ${all.join(",\n")} select 1` };
    SAVE_QUERIES.set(shape, query);
  }
  return query;
}

function shapeOf({ table, inserted, updated }: TableChange): string {
  return `${inserted.length > 0 ? "i" : ""}${updated.length > 0 ? "u" : ""}:${table.name}`;
}

/** One array a column, in the order of the statements' parameters. */
function bindingsOf({ table, inserted, updated }: TableChange): Buffer[] {
  return [
    ...(inserted.length > 0 ? columnArrays(table.columns, inserted) : []),
    ...(updated.length > 0 ? columnArrays([...table.key, ...table.mutable], updated) : []),
  ];
}

function insertSql(table: Table<never>): string {
  const names = table.columns.map((column) => column.name).join(", ");
  return `insert into ${table.name} (${names}) ${rowsOf(table.columns)}`;
}

/** Adds to the days of creators' assets, what is new among the users included. First in the WITH, so last to run: by then the accounts are there. */
function rollupParts(withUsers: boolean): string[] {
  const names = ASSET_DAYS.columns.map((column) => column.name).join(", ");
  const days = rowsOf(ASSET_DAYS.columns);
  if (!withUsers) return [`days as (insert into asset_days (${names}) ${days} ${ADD_TO_DAY})`];
  const userNames = ASSET_USERS.columns.map((column) => column.name).join(", ");
  return [
    `new_users as (insert into asset_users (${userNames}) ${rowsOf(ASSET_USERS.columns)} ${ONLY_NEW_USERS})`,
    `days as (insert into asset_days (${names})
       select account_id, asset_id, role, day, sum(earned_usd_micros)::bigint, sum(clawed_back_usd_micros)::bigint,
         sum(uses)::bigint, sum(new_users)::bigint, max(last_used_time)
       from (${days} union all select account_id, asset_id, role, first_day, 0, 0, 0, 1, 0 from new_users) added
       group by account_id, asset_id, role, day order by account_id, asset_id, role, day ${ADD_TO_DAY})`,
  ];
}

function rollupBindings({ days, users }: RollupChange): Buffer[] {
  if (days.length === 0) return [];
  const ofDays = columnArrays(ASSET_DAYS.columns, days);
  if (users.length === 0) return ofDays;
  return [...columnArrays(ASSET_USERS.columns, users), ...ofDays];
}

function updateSql(table: Table<never>): string {
  const columns = [...table.key, ...table.mutable];
  const assignments = table.mutable.map((column) => `${column.name} = v.${column.name}`).join(", ");
  const isSame = table.key.map((column) => `t.${column.name} = v.${column.name}`).join(" and ");
  return `update ${table.name} t set ${assignments} from (${rowsOf(columns)}) v where ${isSame}`;
}

/**
 * Rows of arrays of the same length, one a column. Postgres steps through arrays that are selected; each of those that are selected *from* is written into a store of its own first, and the rows are
 * put together from these: a tenth of what a save takes.
 */
function rowsOf(columns: readonly Column[]): string {
  return `select ${columns.map(({ name, type }) => `unnest(?::${SQL_TYPES[type]}[]) as ${name}`).join(", ")}`;
}

/** Column by column, so that the same property is read of row after row. */
function columnArrays(columns: readonly Column[], rows: readonly object[]): Buffer[] {
  return columns.map((column) => {
    const values = rows.map((row) => storedIn(row, column));
    return binaryArray(SQL_TYPES[column.type], values);
  });
}

function textArray(values: readonly string[]): Buffer {
  return binaryArray("text", values);
}
