import type { Knex } from "knex";
import type { Generation } from "../../domain/generation/generation.js";
import type { Account, EntryRow, Grant, TransactionRow } from "../../domain/ledger/rows.js";
import type { Table } from "../columns.js";
import { groupByTransaction } from "../group.js";
import {
  type AuditCounts,
  type AuditedGrant,
  type AuditedRequest,
  type AuditedTransaction,
  type AuditView,
  type GenerationToCheck,
  type RequestKey,
  type RewardToCheck,
  StoreError,
  type TransactionToCheck,
} from "../store.js";
import { ACCOUNTS, ENTRIES, GENERATIONS, GRANTS, REQUESTS, REWARDS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";
import { rowsOf } from "./reads.js";

/** Below every UUID. */
const LOWEST_UUID = "00000000-0000-0000-0000-000000000000";

/** Walks the tables in key order inside one transaction, so that every slice shows the same moment. */
export class KnexAuditView implements AuditView {
  constructor(private readonly knex: Knex) {}

  accountsAfter(accountId: string, limit: number): Promise<Account[]> {
    return rowsOf(
      ACCOUNTS,
      this.knex(ACCOUNTS.name).where("account_id", ">", accountId).orderBy("account_id").limit(limit),
    );
  }

  async entriesAfter(
    accountId: string,
    version: bigint,
    limit: number,
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    return this.withTransactions(
      await rowsOf(
        ENTRIES,
        this.knex(ENTRIES.name)
          .where("account_id", accountId)
          .where("account_version", ">", version as never)
          .orderBy("account_version")
          .limit(limit),
      ),
    );
  }

  grantsAfter(accountId: string, grantId: string, limit: number): Promise<Grant[]> {
    return rowsOf(
      GRANTS,
      this.knex(GRANTS.name)
        .where("account_id", accountId)
        .where("grant_id", ">", grantId || LOWEST_UUID)
        .orderBy("grant_id")
        .limit(limit),
    );
  }

  async transactionsAfter(transactionId: string, limit: number): Promise<AuditedTransaction[]> {
    const transactions = await rowsOf(
      TRANSACTIONS,
      this.knex(TRANSACTIONS.name)
        .where("transaction_id", ">", transactionId || LOWEST_UUID)
        .orderBy("transaction_id")
        .limit(limit),
    );
    const ids = transactions.map((transaction) => transaction.transactionId);
    const inOrder = ["transaction_id", "position"];
    const entries = groupByTransaction(
      await rowsOf(ENTRIES, this.knex(ENTRIES.name).whereIn("transaction_id", ids).orderBy(inOrder)),
    );
    const rewards = groupByTransaction(
      await rowsOf(REWARDS, this.knex(REWARDS.name).whereIn("transaction_id", ids).orderBy(inOrder)),
    );
    return transactions.map((transaction) => ({
      transaction,
      entries: entries.get(transaction.transactionId) ?? [],
      rewards: rewards.get(transaction.transactionId) ?? [],
    }));
  }

  generationsAfter(generationId: string, limit: number): Promise<Generation[]> {
    return rowsOf(
      GENERATIONS,
      this.knex(GENERATIONS.name)
        .where("generation_id", ">", generationId || LOWEST_UUID)
        .orderBy("generation_id")
        .limit(limit),
    );
  }

  async settlementsOf(generationIds: readonly string[]): Promise<(readonly [string, string])[]> {
    const rows = await this.knex(TRANSACTIONS.name)
      .where("type", "GENERATION_SETTLEMENT")
      .whereIn("generation_id", generationIds)
      .select("generation_id", "transaction_id");
    return rows.map((row) => [row.generation_id, row.transaction_id] as const);
  }

  async strayEntries(limit: number): Promise<string[]> {
    const rows = await this.knex(`${ENTRIES.name} as e`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
      .leftJoin(`${ACCOUNTS.name} as a`, "a.account_id", "e.account_id")
      .where((where) => where.whereNull("t.transaction_id").orWhereNull("a.account_id"))
      .select("e.transaction_id", "e.position")
      .limit(limit);
    return rows.map((row) => `${row.transaction_id}/${row.position}`);
  }

  async counts(): Promise<AuditCounts> {
    const count = async (table: string): Promise<number> => {
      const [row] = await this.knex(table).count({ count: "*" });
      return Number(row?.count ?? 0);
    };
    return {
      accounts: await count(ACCOUNTS.name),
      entries: await count(ENTRIES.name),
      grants: await count(GRANTS.name),
      transactions: await count(TRANSACTIONS.name),
      rewards: await count(REWARDS.name),
      generations: await count(GENERATIONS.name),
      requests: await count(REQUESTS.name),
    };
  }

  async allEntriesAfter(
    after: { readonly accountId: string; readonly accountVersion: bigint },
    limit: number,
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    const rows: Record<string, unknown>[] = await this.knex(`${ENTRIES.name} as e`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
      .whereRaw("(e.account_id, e.account_version) > (?, ?)", [after.accountId, after.accountVersion as never])
      .orderBy(["e.account_id", "e.account_version"])
      .limit(limit)
      .select("e.*", "t.transaction_id as found", ...TRANSACTION_COLUMNS);
    return rows.map((row) => [decoded(ENTRIES, row), row.found === null ? null : decoded(TRANSACTIONS, row)] as const);
  }

  async allGrantsAfter(
    after: { readonly accountId: string; readonly grantId: string },
    limit: number,
  ): Promise<AuditedGrant[]> {
    const rows: Record<string, unknown>[] = await this.knex(GRANTS.name)
      .whereRaw("(account_id, grant_id) > (?, ?)", [after.accountId, after.grantId || LOWEST_UUID])
      .orderBy(["account_id", "grant_id"])
      .limit(limit);
    return rows.map((row) => ({ ...decoded(GRANTS, row), isOpen: isTrue(row.is_open) }));
  }

  async transactionsToCheckAfter(transactionId: string, limit: number): Promise<TransactionToCheck[]> {
    const rows: Record<string, unknown>[] = await this.knex(`${TRANSACTIONS.name} as t`)
      .leftJoin(`${REQUESTS.name} as r`, (on) =>
        on.on("r.caller", "t.caller").andOn("r.request_id", "t.request_id").andOnVal("t.request_id", "<>", ""),
      )
      .where("t.transaction_id", ">", transactionId || LOWEST_UUID)
      .orderBy("t.transaction_id")
      .limit(limit)
      .select("t.*", "r.resource_kind", "r.resource_id");
    const transactions = rows.map((row) => decoded(TRANSACTIONS, row));
    const ids = transactions.map((transaction) => transaction.transactionId);
    const postings = groupByTransaction(await this.postings(ids));
    const rewards = groupByTransaction(await this.rewards(ids));
    const generations = await this.settledGenerations(transactions);
    return transactions.map((transaction, index) => ({
      transaction,
      postings: postings.get(transaction.transactionId) ?? [],
      rewards: rewards.get(transaction.transactionId) ?? [],
      recorded: recordedIn(rows[index] as Record<string, unknown>),
      generation: (isSettlement(transaction) && generations.get(transaction.generationId)) || null,
    }));
  }

  async generationsToCheckAfter(generationId: string, limit: number): Promise<GenerationToCheck[]> {
    const rows = await this.generationRows()
      .where("generation_id", ">", generationId || LOWEST_UUID)
      .orderBy("generation_id")
      .limit(limit);
    return rows.map(generationToCheck);
  }

  async rewardsAfter(
    after: RewardToCheck,
    limit: number,
  ): Promise<(RewardToCheck & { readonly hasTransaction: boolean })[]> {
    const rows = await this.knex(`${REWARDS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "r.transaction_id")
      .whereRaw("(r.transaction_id, r.position) > (?, ?)", [after.transactionId || LOWEST_UUID, after.position])
      .orderBy(["r.transaction_id", "r.position"])
      .limit(limit)
      .select("r.transaction_id", "r.position", "t.transaction_id as found");
    return rows.map((row) => ({
      transactionId: row.transaction_id,
      position: Number(row.position),
      hasTransaction: row.found !== null,
    }));
  }

  async requestsAfter(after: RequestKey, limit: number): Promise<AuditedRequest[]> {
    const rows = await this.knex(`${REQUESTS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, (on) =>
        on
          .on("t.transaction_id", "r.resource_id")
          .andOn("t.caller", "r.caller")
          .andOn("t.request_id", "r.request_id")
          .andOnVal("r.resource_kind", "TRANSACTION"),
      )
      .leftJoin(`${GENERATIONS.name} as g`, (on) =>
        on.on("g.generation_id", "r.resource_id").andOnVal("r.resource_kind", "GENERATION"),
      )
      .whereRaw("(r.caller, r.request_id) > (?, ?)", [after.caller, after.requestId])
      .orderBy(["r.caller", "r.request_id"])
      .limit(limit)
      .select("r.caller", "r.request_id", "r.resource_kind", "r.resource_id")
      .select(this.knex.raw("coalesce(t.transaction_id, g.generation_id) as found"));
    return rows.map((row) => ({
      caller: row.caller,
      requestId: row.request_id,
      resourceKind: row.resource_kind,
      resourceId: row.resource_id,
      hasEffect: row.found !== null,
    }));
  }

  private async postings(transactionIds: readonly string[]) {
    const rows = await this.knex(ENTRIES.name)
      .whereIn("transaction_id", transactionIds)
      .orderBy(["transaction_id", "position"])
      .select("transaction_id", "account_id", "amount_usd_micros");
    return rows.map((row) => ({
      transactionId: row.transaction_id as string,
      accountId: row.account_id as string,
      amountUsdMicros: BigInt(row.amount_usd_micros),
    }));
  }

  private async rewards(transactionIds: readonly string[]) {
    const rows = await this.knex(REWARDS.name)
      .whereIn("transaction_id", transactionIds)
      .orderBy(["transaction_id", "position"])
      .select("transaction_id", "position", "account_id", "generation_id", "amount_usd_micros");
    return rows.map((row) => ({
      transactionId: row.transaction_id as string,
      position: Number(row.position),
      accountId: row.account_id as string,
      generationId: row.generation_id as string,
      amountUsdMicros: BigInt(row.amount_usd_micros),
    }));
  }

  private async settledGenerations(
    transactions: readonly TransactionRow[],
  ): Promise<ReadonlyMap<string, GenerationToCheck>> {
    const settlements = transactions.filter(isSettlement);
    const ids = settlements.map((settlement) => settlement.generationId).filter(isUuid);
    const rows = ids.length > 0 ? await this.generationRows().whereIn("generation_id", ids) : [];
    return new Map(rows.map((row) => [row.generation_id, generationToCheck(row)]));
  }

  private generationRows() {
    return this.knex(GENERATIONS.name).select(
      ...["generation_id", "state", "pricing_unit", "charged_account_id", "transaction_id"],
      ...["base_cost_usd_micros", "fee_usd_micros"],
    );
  }

  private async withTransactions(
    entries: readonly EntryRow[],
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    const transactionIds = new Set(entries.map((entry) => entry.transactionId));
    const transactions = await rowsOf(
      TRANSACTIONS,
      this.knex(TRANSACTIONS.name).whereIn("transaction_id", [...transactionIds]),
    );
    const byId = new Map(transactions.map((transaction) => [transaction.transactionId, transaction]));
    return entries.map((entry) => [entry, byId.get(entry.transactionId) ?? null] as const);
  }
}

/** All columns but the key, which the row that a transaction is joined to has as well. */
const TRANSACTION_COLUMNS = TRANSACTIONS.columns
  .map((column) => `t.${column.name}`)
  .filter((name) => name !== "t.transaction_id");

/** Says which row it is that can't be decoded. */
function decoded<Row>(table: Table<Row>, row: Readonly<Record<string, unknown>>): Row {
  try {
    return table.decode(row);
  } catch (cause) {
    const key = table.key.map((column) => `${column.name} ${row[column.name]}`).join(", ");
    throw new StoreError("REFUSED", `${table.name}: the row with ${key} is unreadable`, { cause });
  }
}

function isSettlement(transaction: TransactionRow): boolean {
  return transaction.type === "GENERATION_SETTLEMENT";
}

function recordedIn(row: Readonly<Record<string, unknown>>): TransactionToCheck["recorded"] {
  if (row.resource_id === null) return null;
  return { resourceKind: row.resource_kind as never, resourceId: row.resource_id as string };
}

function generationToCheck(row: Readonly<Record<string, never>>): GenerationToCheck {
  const base: bigint | null = row.base_cost_usd_micros as never;
  return {
    generationId: row.generation_id as never,
    state: row.state as never,
    pricingUnit: row.pricing_unit as never,
    baseCostUsdMicros: base === null ? null : BigInt(base),
    feeUsdMicros: BigInt(row.fee_usd_micros as never),
    chargedAccountId: row.charged_account_id as never,
    transactionId: row.transaction_id ?? "",
  };
}

/** A boolean as either driver gives it. */
function isTrue(stored: unknown): boolean {
  return stored === true || stored === 1n;
}
