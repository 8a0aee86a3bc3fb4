import type { AssetDay } from "../../domain/earnings.js";
import type { Generation } from "../../domain/generation/generation.js";
import type { Refundable } from "../../domain/ledger/refund.js";
import type { Account, Grant, Hold } from "../../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import type { EpochMicros } from "../../domain/time.js";
import { ADD_TO_DAY, ONLY_NEW_USERS, rollupOf } from "../asset-rollup.js";
import type { Column, Stored, Table } from "../columns.js";
import type { RowsInTransaction } from "../known-rows.js";
import { LedgerLoads } from "../ledger-loads.js";
import {
  type BatchChanges,
  type BatchKeys,
  type LedgerTransaction,
  type LoadedDue,
  type LoadedKeys,
  type LoadedRequests,
  type RequestKey,
  StoreError,
} from "../store.js";
import { changesByTable, type TableChange } from "../table-changes.js";
import { ACCOUNTS, ASSET_DAYS, ASSET_USERS, GENERATIONS, GRANTS, REQUESTS } from "../tables.js";
import type { SqliteValue, Statement } from "./thread-messages.js";
import type { ThreadTransaction } from "./thread-transaction.js";

/**
 * The ledger writer's transaction on SQLite. What is asked for is one JSON array of keys, what is saved is bound row by row to statements that stay prepared. Rows are
 * locked in memory, against other transactions of this store: the file knows only one lock, which they share.
 */
export class SqliteLedgerTransaction implements LedgerTransaction {
  private readonly loads: LedgerLoads;

  constructor(
    private readonly transaction: ThreadTransaction,
    private readonly clock: bigint,
    private readonly known: RowsInTransaction,
  ) {
    const list = (values: readonly string[]) => ({
      sql: "in (select value from json_each(?))",
      binding: jsonArray(values),
    });
    this.loads = new LedgerLoads({
      query: async (_, sql, bindings) => [...(await transaction.query(sql, bindings))],
      uuids: list,
      texts: list,
    });
  }

  async loadKeys(keys: BatchKeys): Promise<LoadedKeys> {
    return {
      externalReferences: await this.externalReferences(keys),
      generations: await this.generations(keys),
      holds: await this.loads.accountsOfHolds(keys.holds),
      transactions: await this.loads.accountsOfTransactions(keys.transactions),
    };
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
    this.transaction.lock(accountIds.map((accountId) => `account ${accountId}`));
    const which = "from json_each(?) k join accounts on account_id = k.value order by account_id";
    return this.known.grants.locking(this.rows(ACCOUNTS, which, [jsonArray(accountIds)]));
  }

  async loadRequests(requests: readonly RequestKey[]): Promise<LoadedRequests> {
    if (requests.length === 0) return { clock: this.clock, requests: [] };
    const records = await this.rows(
      REQUESTS,
      `from json_each(?) k join requests r
         on r.caller = json_extract(k.value, '$[0]') and r.request_id = json_extract(k.value, '$[1]')`,
      [JSON.stringify(requests.map((key) => [key.caller, key.requestId]))],
    );
    return { clock: this.clock, requests: records };
  }

  loadGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]> {
    return this.known.grants.load(accountIds, limitPerAccount, (unknown, limit) => this.readGrants(unknown, limit));
  }

  private async readGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]> {
    const first = await this.rows(
      GRANTS,
      `from json_each(?) k join credit_grants g on g.grant_id in (
         select o.grant_id from credit_grants o where o.account_id = k.value and (o.is_open or o.is_rolling)
         order by o.priority, o.expire_time, o.category desc, o.account_version, o.grant_id limit ?)`,
      [jsonArray(accountIds), limitPerAccount],
    );
    return [...first, ...(await this.loads.rollingBeyond(first, limitPerAccount))];
  }

  async save(changes: BatchChanges, isLast = false): Promise<void> {
    this.known.grants.saving(changes);
    const { days, users } = rollupOf(changes, this.known.users);
    const statements = changesByTable(changes).flatMap(statementsOf);
    if (users.length === 0) {
      await this.transaction.write([...statements, ...(days.length > 0 ? [addToDays(days)] : [])], isLast);
      return;
    }
    const insertUsers = rowsInto(insertSql(ASSET_USERS, ONLY_NEW_USERS), ASSET_USERS, ASSET_USERS.columns, users);
    const results = await this.transaction.write([...statements, insertUsers], false);
    await this.transaction.write([addToDays(withNewUsers(days, results.at(-1)?.rows ?? []))], isLast);
  }

  private async externalReferences(keys: BatchKeys): Promise<LoadedKeys["externalReferences"]> {
    if (keys.externalReferences.length === 0) return [];
    const rows = await this.transaction.query(
      `select t.external_reference, t.transaction_id from json_each(?) k join transactions t
         on t.external_reference = k.value and t.external_reference <> ''`,
      [jsonArray(keys.externalReferences)],
    );
    return rows.map((row) => ({
      externalReference: row.external_reference as string,
      transactionId: row.transaction_id as string,
    }));
  }

  private async generations(keys: BatchKeys): Promise<Generation[]> {
    if (keys.generations.length === 0) return [];
    const ids = keys.generations.map((ref) => ref.generationId).filter((id) => id !== "");
    const runs = keys.generations.map((ref) => ref.runId).filter((id) => id !== "");
    for (;;) {
      const generations = await this.rows(
        GENERATIONS,
        `from json_each(?) k join generations g on g.generation_id = k.value
         union
         select ${GENERATIONS.selected} from json_each(?) k join generations g on g.run_id = k.value and g.run_id <> ''`,
        [jsonArray(ids), jsonArray(runs)],
      );
      const names = generations.map(({ generationId }) => `generation ${generationId}`);
      if (await this.transaction.lockAsRead(names)) return generations;
    }
  }

  /** @param which everything after the columns: "from … where …" */
  private async rows<Row>(table: Table<Row>, which: string, bindings: readonly SqliteValue[]): Promise<Row[]> {
    const rows = await this.transaction.queryValues(`select ${table.selected} ${which}`, bindings);
    return rows.map(table.decodeValues);
  }
}

function addToDays(days: readonly AssetDay[]): Statement {
  return rowsInto(insertSql(ASSET_DAYS, ADD_TO_DAY), ASSET_DAYS, ASSET_DAYS.columns, days);
}

/** @param users who were new, as inserted */
function withNewUsers(days: readonly AssetDay[], users: readonly Readonly<Record<string, unknown>>[]): AssetDay[] {
  const newUsers = new Map<string, bigint>();
  for (const user of users) {
    const key = dayKey(user.account_id, user.asset_id, user.role, user.first_day);
    newUsers.set(key, (newUsers.get(key) ?? 0n) + 1n);
  }
  return days.map((each) => ({
    ...each,
    newUsers: newUsers.get(dayKey(each.accountId, each.assetId, each.role, each.day)) ?? 0n,
  }));
}

function dayKey(...key: readonly unknown[]): string {
  return key.join("\n");
}

function statementsOf({ table, inserted, updated }: TableChange): Statement[] {
  return [
    ...(inserted.length > 0 ? [rowsInto(insertSql(table), table, table.columns, inserted)] : []),
    ...(updated.length > 0 ? updatesOf(table, updated) : []),
  ];
}

/**
 * Flags are written apart, and only where they change: an index of some rows is chosen by them, and SQLite takes a row out of such an index and puts it back whenever a statement assigns to its flag, even
 * the same value. That was a fifth of the pages that a debit writes.
 */
function updatesOf<Row>(table: Table<Row>, rows: readonly Row[]): Statement[] {
  const flags = table.mutable.filter(({ type }) => type === "bool");
  const others = table.mutable.filter(({ type }) => type !== "bool");
  return [
    rowsInto(updateSql(table, others), table, [...others, ...table.key], rows),
    ...flags.map((flag) =>
      rowsInto(`${updateSql(table, [flag])} and ${flag.name} <> ?`, table, [flag, ...table.key, flag], rows),
    ),
  ];
}

/** Runs the statement with these columns of each row. */
function rowsInto<Row>(sql: string, table: Table<Row>, columns: readonly Column[], rows: readonly Row[]): Statement {
  return { sql, bindings: JSON.stringify(rows.map((row) => table.encode(row, columns).map(inJson))) };
}

function insertSql<Row>(table: Table<Row>, ending = ""): string {
  const names = table.columns.map((column) => column.name).join(", ");
  const values = table.columns.map(parameter).join(", ");
  return `insert into ${table.name} (${names}) values (${values}) ${ending}`;
}

function updateSql<Row>(table: Table<Row>, columns: readonly Column[]): string {
  const each = (some: readonly Column[]) => some.map((column) => `${column.name} = ${parameter(column)}`);
  return `update ${table.name} set ${each(columns).join(", ")} where ${each(table.key).join(" and ")}`;
}

/** Bytes travel as hex. */
function parameter({ type }: Column): string {
  return type === "bytes" ? "unhex(?)" : "?";
}

/** A value as JSON has it, such that SQLite makes of it what the column holds, exactly: a column of integers takes a decimal text in as one, where JSON's own numbers would be floats on the way. */
function inJson(value: Stored): string | number | null {
  if (typeof value === "bigint") return int64(value).toString();
  if (typeof value === "boolean") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex");
  return value;
}

/** SQLite would keep a larger integer as a float, silently inexact. */
function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new StoreError("REFUSED", "sqlite: an integer of more than 64 bits");
  return value;
}

function jsonArray(values: readonly string[]): string {
  return JSON.stringify(values);
}
