import type { Knex } from "knex";
import type { TransactionRow, TransactionType } from "../../domain/ledger/rows.js";
import type {
  GenerationToCheck,
  RefundedTransaction,
  RefundsOfTransaction,
  RewardInTransaction,
  TransactionToCheck,
  Whence,
} from "../audit-store.js";
import { CLAWBACKS, ENTRIES, REQUESTS, REWARDS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";
import { type AuditReader, bytesIn, int8In, textIn, uuidIn, type Values } from "./audit-reader.js";
import { generationsOf } from "./generations-to-check.js";
import { unreadable } from "./unreadable.js";

/** Reads transactions together with all that an audit compares them with, each kind of row in one statement for the lot. */
export class TransactionsToCheck {
  constructor(
    private readonly knex: Knex,
    private readonly reader: AuditReader,
  ) {}

  /** Those that follow one, by transaction_id. */
  async after(transactionId: string, limit: number): Promise<TransactionToCheck[]> {
    const rows = this.rows().where("t.transaction_id", ">", transactionId).limit(limit);
    return this.withWhatIsCompared(await this.reader.values(rows, transactionIn), "a walk");
  }

  /** These, by transaction_id. */
  async of(transactionIds: readonly string[], whence: Whence = "from all over"): Promise<TransactionToCheck[]> {
    const rows = this.rows().whereIn("t.transaction_id", transactionIds);
    return this.withWhatIsCompared(await this.reader.values(rows, transactionIn), whence);
  }

  private rows() {
    return this.knex(`${TRANSACTIONS.name} as t`)
      .leftJoin(`${REQUESTS.name} as r`, (on) =>
        on.on("r.caller", "t.caller").andOn("r.request_id", "t.request_id").andOnVal("t.request_id", "<>", ""),
      )
      .select(COLUMNS)
      .orderBy("t.transaction_id");
  }

  private async withWhatIsCompared(rows: readonly ReadTransaction[], whence: Whence): Promise<TransactionToCheck[]> {
    const transactions = rows.map(([transaction]) => transaction);
    const these = { ids: transactions.map(({ transactionId }) => transactionId), whence };
    const [postings, rewards, clawbacks, refunds, refunded, generations] = await Promise.all([
      this.postings(these),
      this.rewards(these),
      this.clawbacks(transactions),
      this.refundsOf(these),
      this.refundedTransactions(transactions),
      this.settledGenerations(transactions),
    ]);
    return rows.map(([transaction, recorded]) => ({
      transaction,
      postings: postings.get(transaction.transactionId) ?? [],
      rewards: rewards.get(transaction.transactionId) ?? [],
      refunds: refunds.get(transaction.transactionId) ?? NO_REFUNDS,
      clawbacks: clawbacks.get(transaction.transactionId) ?? [],
      refunded: refunded.get(transaction.refundOfTransactionId) ?? null,
      recorded,
      generation: (isSettlement(transaction) && generations.get(transaction.generationId)) || null,
    }));
  }

  private async postings(these: Transactions) {
    const rows = this.knex(ENTRIES.name)
      .select("transaction_id", "account_id", "amount_usd_micros")
      .orderBy(["transaction_id", "position"]);
    return grouped(await this.belonging(rows, "transaction_id", these, amountOfAccount));
  }

  private async rewards(these: Transactions) {
    const rows = this.knex(REWARDS.name)
      .select("transaction_id", "account_id", "amount_usd_micros", "position", "generation_id")
      .select("refunded_usd_micros", "clawed_back_usd_micros")
      .orderBy(["transaction_id", "position"]);
    const [rewards, takenBack] = await Promise.all([
      this.belonging(rows, "transaction_id", these, rewardIn),
      this.takenBackOf(these),
    ]);
    if (takenBack.size === 0) return grouped(rewards);
    return grouped(
      rewards.map(([id, reward]) => {
        const clawbacksUsdMicros = takenBack.get(`${id}/${reward.position}`) ?? 0n;
        return [id, { ...reward, clawbacksUsdMicros }] as const;
      }),
    );
  }

  /** What refunds say they took back of these transactions' rewards, by "transaction_id/position". */
  private async takenBackOf(these: Transactions): Promise<ReadonlyMap<string, bigint>> {
    const rows = this.knex(`${TRANSACTIONS.name} as t`)
      .join(`${CLAWBACKS.name} as c`, "c.transaction_id", "t.transaction_id")
      .groupBy("t.refund_of_transaction_id", "c.position")
      .select("t.refund_of_transaction_id", "c.position", this.sumOf("c.amount_usd_micros", "total"));
    const sums = await this.belonging(
      rows,
      "t.refund_of_transaction_id",
      these,
      ([id, position, total]) => [`${id}/${position}`, int8In(total)] as const,
    );
    return new Map(sums);
  }

  private async clawbacks(transactions: readonly TransactionRow[]) {
    const refunds = transactions.filter(isRefund).map((refund) => refund.transactionId);
    if (refunds.length === 0) return new Map<string, ReturnType<typeof amountOfAccount>[1][]>();
    const rows = this.knex(CLAWBACKS.name)
      .whereIn("transaction_id", refunds)
      .orderBy(["transaction_id", "position"])
      .select("transaction_id", "account_id", "amount_usd_micros");
    return grouped(await this.reader.values(rows, amountOfAccount));
  }

  private async refundsOf(these: Transactions): Promise<ReadonlyMap<string, RefundsOfTransaction>> {
    const rows = this.knex(`${TRANSACTIONS.name} as t`)
      .join(`${ENTRIES.name} as e`, "e.transaction_id", "t.transaction_id")
      .where("t.type", "REFUND")
      .groupBy("t.refund_of_transaction_id")
      .select(
        "t.refund_of_transaction_id",
        this.sumOf("case when e.position = 0 then e.amount_usd_micros else 0 end", "paid_back"),
        this.sumOf("case when e.account_id like 'sys:revenue#%' then -e.amount_usd_micros else 0 end", "from_base"),
      );
    const sums = await this.belonging(
      rows,
      "t.refund_of_transaction_id",
      these,
      ([id, paidBack, fromBase]) =>
        [textIn(id), { paidBackUsdMicros: int8In(paidBack), fromBaseUsdMicros: int8In(fromBase) }] as const,
    );
    return new Map(sums);
  }

  private async refundedTransactions(
    transactions: readonly TransactionRow[],
  ): Promise<ReadonlyMap<string, RefundedTransaction>> {
    const ids = transactions.map((transaction) => transaction.refundOfTransactionId).filter((id) => id !== "");
    if (ids.length === 0) return new Map();
    const rows = await this.reader.rows(
      this.knex(`${TRANSACTIONS.name} as t`)
        .leftJoin(`${ENTRIES.name} as e`, (on) =>
          on.on("e.transaction_id", "t.transaction_id").andOnVal("e.position", 0),
        )
        .whereIn("t.transaction_id", ids)
        .select("t.transaction_id", "t.type", "e.account_id"),
    );
    return new Map(
      rows.map((row) => [
        row.transaction_id,
        { transactionId: row.transaction_id, type: row.type, payerAccountId: row.account_id ?? "" },
      ]),
    );
  }

  private async settledGenerations(
    transactions: readonly TransactionRow[],
  ): Promise<ReadonlyMap<string, GenerationToCheck>> {
    const ids = transactions.filter(isSettlement).map((settlement) => settlement.generationId);
    const generations = await generationsOf(this.knex, this.reader, ids.filter(isUuid));
    return new Map(generations.map((generation) => [generation.generationId, generation]));
  }

  /**
   * Rows that belong to these transactions, by a column that names them; some of others may be among them. What a walk asks about follows each other, and so do the rows: one walk along the key finds
   * them, which is several times quicker than a list of thousands of ids. Where too many others lie between, as in a store with strays, it is the list after all, so that what is held has a bound.
   */
  private async belonging<T>(
    rows: Knex.QueryBuilder,
    column: string,
    { ids, whence }: Transactions,
    from: (values: Values) => T,
  ): Promise<T[]> {
    const [first, last] = [ids[0], ids.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (whence === "a walk") {
      const most = ids.length * USUAL_ROWS;
      const between = rows.clone().whereBetween(column, [first, last]);
      const found = await this.reader.values(between.limit(most + 1), from);
      if (found.length <= most) return found;
    }
    return this.reader.values(rows.whereIn(column, ids), from);
  }

  /** A sum as the bigint that it is, where Postgres would make it numeric. */
  private sumOf(expression: string, name: string): Knex.Raw {
    return this.knex.raw(`cast(sum(${expression}) as bigint) as ${name}`);
  }
}

interface Transactions {
  /** Ascending. */
  readonly ids: readonly string[];
  readonly whence: Whence;
}

type ReadTransaction = readonly [TransactionRow, TransactionToCheck["recorded"]];

/** Entries or rewards of a transaction that are more than nearly all have. */
const USUAL_ROWS = 8;

const NO_REFUNDS: RefundsOfTransaction = { paidBackUsdMicros: 0n, fromBaseUsdMicros: 0n };

/** In the order in which they are taken from a row below. */
const COLUMNS = [
  ...["t.transaction_id", "t.type", "t.tool_id", "t.generation_id", "t.external_reference"],
  ...["t.refund_of_transaction_id", "t.reward_policy_id", "t.description", "t.metadata", "t.details_digest"],
  ...["t.caller", "t.request_id", "t.refunded_usd_micros", "t.create_time", "r.resource_kind", "r.resource_id"],
];

function transactionIn(values: Values): ReadTransaction {
  const transaction: TransactionRow = {
    transactionId: textIn(values[0]),
    type: values[1] as TransactionType,
    toolId: textIn(values[2]),
    generationId: textIn(values[3]),
    externalReference: textIn(values[4]),
    refundOfTransactionId: uuidIn(values[5]),
    rewardPolicyId: textIn(values[6]),
    description: textIn(values[7]),
    metadata: metadataIn(values),
    detailsDigest: bytesIn(values[9]),
    caller: textIn(values[10]),
    requestId: textIn(values[11]),
    refundedUsdMicros: int8In(values[12]),
    createTime: int8In(values[13]),
  };
  const [kind, id] = [values[14], values[15]];
  return [transaction, id === null ? null : { resourceKind: kind as never, resourceId: textIn(id) }];
}

function metadataIn(values: Values): TransactionRow["metadata"] {
  const stored = values[8];
  // Most labels are none.
  if (stored === "{}") return {};
  try {
    return JSON.parse(textIn(stored));
  } catch (cause) {
    throw unreadable(TRANSACTIONS, { transaction_id: values[0] }, cause);
  }
}

function amountOfAccount(values: Values) {
  return [textIn(values[0]), { accountId: textIn(values[1]), amountUsdMicros: int8In(values[2]) }] as const;
}

function rewardIn(values: Values): readonly [string, RewardInTransaction] {
  return [
    textIn(values[0]),
    {
      accountId: textIn(values[1]),
      amountUsdMicros: int8In(values[2]),
      position: Number(values[3]),
      generationId: textIn(values[4]),
      refundedUsdMicros: int8In(values[5]),
      clawedBackUsdMicros: int8In(values[6]),
      clawbacksUsdMicros: 0n,
    },
  ];
}

/** What belongs to each transaction, in the order given. */
function grouped<Value>(belonging: readonly (readonly [string, Value])[]): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const [id, value] of belonging) {
    const group = groups.get(id);
    if (group) group.push(value);
    else groups.set(id, [value]);
  }
  return groups;
}

function isSettlement(transaction: TransactionRow): boolean {
  return transaction.type === "GENERATION_SETTLEMENT";
}

function isRefund(transaction: TransactionRow): boolean {
  return transaction.type === "REFUND";
}
