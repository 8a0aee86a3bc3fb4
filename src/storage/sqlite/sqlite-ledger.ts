import type { Knex } from "knex";
import type { Generation } from "../../domain/generation/generation.js";
import type { Refundable } from "../../domain/ledger/refund.js";
import type { Account, Grant, Hold } from "../../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import type { EpochMicros } from "../../domain/time.js";
import { ADD_TO_DAY, ONLY_NEW_USERS, type RollupChange, rollupOf } from "../asset-rollup.js";
import type { Column, Stored, Table } from "../columns.js";
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
import { changesByTable } from "../table-changes.js";
import { ACCOUNTS, ASSET_DAYS, ASSET_USERS, GENERATIONS, GRANTS, REQUESTS } from "../tables.js";
import { translateSqliteError } from "./errors.js";

/** The ledger writer's transaction on SQLite: each statement takes a whole batch as one JSON array. The file has one writer, so there is nothing to lock row by row. */
export class SqliteLedgerTransaction implements LedgerTransaction {
  private readonly loads: LedgerLoads;

  constructor(
    private readonly transaction: Knex.Transaction,
    private readonly clock: bigint,
  ) {
    const list = (values: readonly string[]) => ({
      sql: "in (select value from json_each(?))",
      binding: jsonArray(values),
    });
    this.loads = new LedgerLoads({
      query: (_, sql, bindings) => this.query(sql, bindings as Knex.RawBinding[]),
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
    return this.rows(
      ACCOUNTS,
      "select a.* from json_each(?) k join accounts a on a.account_id = k.value order by a.account_id",
      [jsonArray(accountIds)],
    );
  }

  async loadRequests(requests: readonly RequestKey[]): Promise<LoadedRequests> {
    if (requests.length === 0) return { clock: this.clock, requests: [] };
    const records = await this.rows(
      REQUESTS,
      `select r.* from json_each(?) k join requests r
         on r.caller = json_extract(k.value, '$[0]') and r.request_id = json_extract(k.value, '$[1]')`,
      [JSON.stringify(requests.map((key) => [key.caller, key.requestId]))],
    );
    return { clock: this.clock, requests: records };
  }

  async loadGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]> {
    const first = await this.rows(
      GRANTS,
      `select g.* from json_each(?) k join credit_grants g on g.grant_id in (
         select o.grant_id from credit_grants o where o.account_id = k.value and (o.is_open or o.is_rolling)
         order by o.priority, o.expire_time, o.category desc, o.account_version, o.grant_id limit ?)`,
      [jsonArray(accountIds), limitPerAccount],
    );
    return [...first, ...(await this.loads.rollingBeyond(first, limitPerAccount))];
  }

  async save(changes: BatchChanges): Promise<void> {
    for (const { table, inserted, updated } of changesByTable(changes)) {
      if (inserted.length > 0) await this.run(insertSql(table), jsonRows(table, table.columns, inserted));
      if (updated.length > 0) {
        await this.run(updateSql(table), jsonRows(table, [...table.key, ...table.mutable], updated));
      }
    }
    await this.saveRollup(rollupOf(changes));
  }

  private async saveRollup({ days, users }: RollupChange): Promise<void> {
    if (days.length === 0) return;
    const newUsers = new Map<string, bigint>();
    if (users.length > 0) {
      const sql = `${insertSql(ASSET_USERS)} where true ${ONLY_NEW_USERS}`;
      for (const user of await this.query(sql, [jsonRows(ASSET_USERS, ASSET_USERS.columns, users)])) {
        const key = dayKey(user.account_id, user.asset_id, user.role, user.first_day);
        newUsers.set(key, (newUsers.get(key) ?? 0n) + 1n);
      }
    }
    const added = days.map((each) => ({
      ...each,
      newUsers: newUsers.get(dayKey(each.accountId, each.assetId, each.role, each.day)) ?? 0n,
    }));
    await this.run(
      `${insertSql(ASSET_DAYS)} where true ${ADD_TO_DAY}`,
      jsonRows(ASSET_DAYS, ASSET_DAYS.columns, added),
    );
  }

  private async externalReferences(keys: BatchKeys): Promise<LoadedKeys["externalReferences"]> {
    if (keys.externalReferences.length === 0) return [];
    const rows = await this.query(
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
    return this.rows(
      GENERATIONS,
      `select g.* from json_each(?) k join generations g on g.generation_id = k.value
       union
       select g.* from json_each(?) k join generations g on g.run_id = k.value and g.run_id <> ''`,
      [jsonArray(ids), jsonArray(runs)],
    );
  }

  private async rows<Row>(table: Table<Row>, sql: string, bindings: readonly Knex.RawBinding[]): Promise<Row[]> {
    return (await this.query(sql, bindings)).map((row) => table.decode(row));
  }

  private async run(sql: string, rows: string): Promise<void> {
    await this.query(sql, [rows]);
  }

  private async query(sql: string, bindings: readonly Knex.RawBinding[]): Promise<Record<string, unknown>[]> {
    try {
      return await this.transaction.raw(sql, bindings);
    } catch (error) {
      throw translateSqliteError(error);
    }
  }
}

/** Reads column `index` of a row that is a JSON array. Bytes travel as hex. */
function extract(column: Column, index: number): string {
  const value = `json_extract(value, '$[${index}]')`;
  return column.type === "bytes" ? `unhex(${value})` : value;
}

function dayKey(...key: readonly unknown[]): string {
  return key.join("\n");
}

function insertSql<Row>(table: Table<Row>): string {
  const names = table.columns.map((column) => column.name).join(", ");
  const values = table.columns.map(extract).join(", ");
  const conflict = table.name === "generation_events" ? " where true on conflict do nothing" : "";
  return `insert into ${table.name} (${names}) select ${values} from json_each(?)${conflict}`;
}

function updateSql(table: Table<never>): string {
  const columns = [...table.key, ...table.mutable];
  const values = columns.map((column, index) => `${extract(column, index)} as ${column.name}`).join(", ");
  const assignments = table.mutable.map((column) => `${column.name} = v.${column.name}`).join(", ");
  const isSame = table.key.map((column) => `${table.name}.${column.name} = v.${column.name}`).join(" and ");
  return `update ${table.name} set ${assignments} from (select ${values} from json_each(?)) v where ${isSame}`;
}

function jsonRows<Row>(table: Table<Row>, columns: readonly Column[], rows: readonly Row[]): string {
  return `[${rows.map((row) => jsonArray(table.encode(row, columns))).join(",")}]`;
}

/** JSON with bigint written as a plain integer, which SQLite reads as 64 bits, exactly. */
function jsonArray(values: readonly Stored[]): string {
  return `[${values.map(jsonValue).join(",")}]`;
}

function jsonValue(value: Stored): string {
  if (typeof value === "bigint") return int64(value).toString();
  if (value instanceof Uint8Array)
    return `"${Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")}"`;
  return JSON.stringify(value);
}

/** SQLite would keep a larger integer as a float, silently inexact. */
function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new StoreError("REFUSED", "sqlite: an integer of more than 64 bits");
  return value;
}
