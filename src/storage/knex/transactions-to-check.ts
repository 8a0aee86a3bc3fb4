import type { Knex } from "knex";
import type { RewardPolicy } from "../../domain/fees.js";
import type { TransactionRow } from "../../domain/ledger/rows.js";
import type {
  GenerationToCheck,
  RefundedTransaction,
  RefundsOfTransaction,
  TransactionToCheck,
} from "../audit-store.js";
import type { Table } from "../columns.js";
import { type StoredRow, valuesByTransaction } from "../group.js";
import { StoreError } from "../store.js";
import { CLAWBACKS, ENTRIES, GENERATIONS, REQUESTS, REWARDS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";

/** Reads transactions together with all that an audit compares them with, each kind of row in one statement for the lot. */
export class TransactionsToCheck {
  constructor(private readonly knex: Knex) {}

  /** By transaction_id, as far as `narrow` lets them through; the table's name is t there. */
  async where(narrow: (rows: Knex.QueryBuilder) => Knex.QueryBuilder): Promise<TransactionToCheck[]> {
    return this.withWhatIsCompared(await narrow(this.rows()).orderBy("t.transaction_id"));
  }

  private rows() {
    return this.knex(`${TRANSACTIONS.name} as t`)
      .leftJoin(`${REQUESTS.name} as r`, (on) =>
        on.on("r.caller", "t.caller").andOn("r.request_id", "t.request_id").andOnVal("t.request_id", "<>", ""),
      )
      .select("t.*", "r.resource_kind", "r.resource_id");
  }

  private async withWhatIsCompared(rows: readonly Record<string, unknown>[]): Promise<TransactionToCheck[]> {
    const transactions = rows.map((row) => decoded(TRANSACTIONS, row));
    const ids = transactions.map((transaction) => transaction.transactionId);
    const postings = await this.postings(ids);
    const rewards = await this.rewards(ids);
    const clawbacks = await this.clawbacks(transactions);
    const refunds = await this.refundsOf(ids);
    const refunded = await this.refundedTransactions(transactions);
    const generations = await this.settledGenerations(transactions);
    return transactions.map((transaction, index) => ({
      transaction,
      postings: postings.get(transaction.transactionId) ?? [],
      rewards: rewards.get(transaction.transactionId) ?? [],
      refunds: refunds.get(transaction.transactionId) ?? NO_REFUNDS,
      clawbacks: clawbacks.get(transaction.transactionId) ?? [],
      refunded: refunded.get(transaction.refundOfTransactionId) ?? null,
      recorded: recordedIn(rows[index] as Record<string, unknown>),
      generation: (isSettlement(transaction) && generations.get(transaction.generationId)) || null,
    }));
  }

  private async postings(transactionIds: readonly string[]) {
    const rows = await this.rowsOf(ENTRIES.name, transactionIds, [
      ...["transaction_id", "account_id", "amount_usd_micros"],
    ]);
    return valuesByTransaction(rows, amountOfAccount);
  }

  private async rewards(transactionIds: readonly string[]) {
    const rows = await this.rowsOf(REWARDS.name, transactionIds, [
      ...["transaction_id", "position", "account_id", "generation_id"],
      ...["amount_usd_micros", "refunded_usd_micros", "clawed_back_usd_micros"],
    ]);
    const takenBack = await this.takenBackOf(rows);
    return valuesByTransaction(rows, (row) => ({
      position: Number(row.position),
      ...amountOfAccount(row),
      generationId: row.generation_id as string,
      refundedUsdMicros: BigInt(row.refunded_usd_micros as bigint),
      clawedBackUsdMicros: BigInt(row.clawed_back_usd_micros as bigint),
      clawbacksUsdMicros: takenBack.get(`${row.transaction_id}/${row.position}`) ?? 0n,
    }));
  }

  /**
   * Rows of a table that belong to these transactions, by transaction and position. An audit asks for transactions that follow each other, whose rows do too: one walk along the key finds them, which is
   * several times quicker than a list of a thousand ids. Where too many others lie between, as in a store with strays or for ids from all over, it is the list after all, so that what is held has a bound.
   * @param transactionIds ascending
   */
  private async rowsOf(table: string, transactionIds: readonly string[], columns: readonly string[]) {
    const all = (): Knex.QueryBuilder =>
      this.knex(table)
        .orderBy(["transaction_id", "position"])
        .select(...columns);
    const [first, last] = [transactionIds[0], transactionIds.at(-1)];
    if (first === undefined || last === undefined) return [];
    const most = transactionIds.length * USUAL_ROWS;
    const between: StoredRow[] = await all()
      .whereBetween("transaction_id", [first, last])
      .limit(most + 1);
    if (between.length > most) return (await all().whereIn("transaction_id", transactionIds)) as StoredRow[];
    const isWanted = new Set(transactionIds);
    return between.filter((row) => isWanted.has(row.transaction_id as string));
  }

  /** What refunds say they took back of these rewards, by "transaction_id/position". */
  private async takenBackOf(rewards: readonly Record<string, unknown>[]): Promise<ReadonlyMap<string, bigint>> {
    if (rewards.length === 0) return new Map();
    const settlements = [...new Set(rewards.map((reward) => reward.transaction_id as string))];
    const rows = await this.knex(`${TRANSACTIONS.name} as t`)
      .join(`${CLAWBACKS.name} as c`, "c.transaction_id", "t.transaction_id")
      .whereIn("t.refund_of_transaction_id", settlements)
      .groupBy("t.refund_of_transaction_id", "c.position")
      .select("t.refund_of_transaction_id", "c.position", this.sumOf("c.amount_usd_micros", "total"));
    return new Map(rows.map((row) => [`${row.refund_of_transaction_id}/${row.position}`, BigInt(row.total)]));
  }

  private async clawbacks(transactions: readonly TransactionRow[]) {
    const refunds = transactions.filter(isRefund).map((refund) => refund.transactionId);
    if (refunds.length === 0) return new Map<string, ReturnType<typeof amountOfAccount>[]>();
    const rows = await this.knex(CLAWBACKS.name)
      .whereIn("transaction_id", refunds)
      .orderBy(["transaction_id", "position"])
      .select("transaction_id", "account_id", "amount_usd_micros");
    return valuesByTransaction(rows, amountOfAccount);
  }

  private async refundsOf(transactionIds: readonly string[]): Promise<ReadonlyMap<string, RefundsOfTransaction>> {
    const rows = await this.knex(`${TRANSACTIONS.name} as t`)
      .join(`${ENTRIES.name} as e`, "e.transaction_id", "t.transaction_id")
      .whereIn("t.refund_of_transaction_id", transactionIds)
      .where("t.type", "REFUND")
      .groupBy("t.refund_of_transaction_id")
      .select(
        "t.refund_of_transaction_id",
        this.sumOf("case when e.position = 0 then e.amount_usd_micros else 0 end", "paid_back"),
        this.sumOf("case when e.account_id like 'sys:revenue#%' then -e.amount_usd_micros else 0 end", "from_base"),
      );
    return new Map(
      rows.map((row) => [
        row.refund_of_transaction_id,
        { paidBackUsdMicros: BigInt(row.paid_back), fromBaseUsdMicros: BigInt(row.from_base) },
      ]),
    );
  }

  private async refundedTransactions(
    transactions: readonly TransactionRow[],
  ): Promise<ReadonlyMap<string, RefundedTransaction>> {
    const ids = transactions.map((transaction) => transaction.refundOfTransactionId).filter((id) => id !== "");
    if (ids.length === 0) return new Map();
    const rows = await this.knex(`${TRANSACTIONS.name} as t`)
      .leftJoin(`${ENTRIES.name} as e`, (on) => on.on("e.transaction_id", "t.transaction_id").andOnVal("e.position", 0))
      .whereIn("t.transaction_id", ids)
      .select("t.transaction_id", "t.type", "e.account_id");
    return new Map(
      rows.map((row) => [
        row.transaction_id,
        { transactionId: row.transaction_id, type: row.type, payerAccountId: row.account_id ?? "" },
      ]),
    );
  }

  /** A sum as the bigint that it is, where Postgres would make it numeric. */
  private sumOf(expression: string, name: string): Knex.Raw {
    return this.knex.raw(`cast(sum(${expression}) as bigint) as ${name}`);
  }

  private async settledGenerations(
    transactions: readonly TransactionRow[],
  ): Promise<ReadonlyMap<string, GenerationToCheck>> {
    const settlements = transactions.filter(isSettlement);
    const ids = settlements.map((settlement) => settlement.generationId).filter(isUuid);
    const rows = ids.length > 0 ? await generationRows(this.knex).whereIn("generation_id", ids) : [];
    return new Map(rows.map((row) => [row.generation_id, generationToCheck(row)]));
  }
}

function amountOfAccount(row: StoredRow) {
  return { accountId: row.account_id as string, amountUsdMicros: BigInt(row.amount_usd_micros as bigint) };
}

/** Entries or rewards of a transaction that are more than nearly all have. */
const USUAL_ROWS = 8;

const NO_REFUNDS: RefundsOfTransaction = { paidBackUsdMicros: 0n, fromBaseUsdMicros: 0n };

/** The columns of generations that settlements are compared with. */
export function generationRows(knex: Knex) {
  return knex(GENERATIONS.name).select(
    ...["generation_id", "state", "pricing_unit", "charged_account_id", "transaction_id"],
    ...["base_cost_usd_micros", "fee_usd_micros", "reward_policy"],
  );
}

export function generationToCheck(row: Readonly<Record<string, never>>): GenerationToCheck {
  const base: bigint | null = row.base_cost_usd_micros as never;
  return {
    generationId: row.generation_id as never,
    state: row.state as never,
    pricingUnit: row.pricing_unit as never,
    rewardPolicyId: policyIdIn(row),
    baseCostUsdMicros: base === null ? null : BigInt(base),
    feeUsdMicros: BigInt(row.fee_usd_micros as never),
    chargedAccountId: row.charged_account_id as never,
    transactionId: row.transaction_id ?? "",
  };
}

function policyIdIn(row: Readonly<Record<string, unknown>>): string {
  try {
    return (JSON.parse(row.reward_policy as string) as RewardPolicy).policyId;
  } catch (cause) {
    throw new StoreError("REFUSED", `generations: the row with generation_id ${row.generation_id} is unreadable`, {
      cause,
    });
  }
}

/** A row; fails with REFUSED, and says which row it is, where it can't be decoded. */
export function decoded<Row>(table: Table<Row>, row: Readonly<Record<string, unknown>>): Row {
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

function isRefund(transaction: TransactionRow): boolean {
  return transaction.type === "REFUND";
}

function recordedIn(row: Readonly<Record<string, unknown>>): TransactionToCheck["recorded"] {
  if (row.resource_id === null) return null;
  return { resourceKind: row.resource_kind as never, resourceId: row.resource_id as string };
}
