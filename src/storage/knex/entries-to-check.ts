import type { Knex } from "knex";
import { CHAIN_START, entryHash } from "../../domain/ledger/chain.js";
import type { ChainedTransaction, EntryRow, TransactionType } from "../../domain/ledger/rows.js";
import type { ChainLink, ChainPlace } from "../audit-store.js";
import { movementsIn } from "../columns.js";
import { ENTRIES, TRANSACTIONS } from "../tables.js";
import { type AuditReader, bytesIn, int8In, textIn, uuidIn, type Values } from "./audit-reader.js";
import { unreadable } from "./unreadable.js";

type EntryWithTransaction = readonly [EntryRow, ChainedTransaction | null];

/** In the order in which they are taken from a row below. Not by the tables' own decoding: an audit spent a fifth of its time in there. */
const COLUMNS = [
  ...["e.transaction_id", "e.position", "e.account_id", "e.account_version"],
  ...["e.amount_usd_micros", "e.balance_after_usd_micros", "e.grant_movements", "e.hash"],
  ...["t.transaction_id as found", "t.type", "t.tool_id", "t.generation_id", "t.external_reference"],
  ...["t.refund_of_transaction_id", "t.reward_policy_id", "t.details_digest"],
  ...["t.caller", "t.request_id", "t.create_time"],
];

/** Entries of all accounts after one, by account_id and account_version, each with what its hash holds of its transaction; null if there is none. */
export function entriesAfter(
  knex: Knex,
  reader: AuditReader,
  after: Pick<EntryRow, "accountId" | "accountVersion">,
  limit: number,
): Promise<EntryWithTransaction[]> {
  const statement = entriesWithTransactions(knex, after, limit).select(COLUMNS);
  return reader.values(statement, (values) => [entryIn(values), values[8] === null ? null : transactionIn(values)]);
}

/** The same as links of their chains, for a backend without a cheaper way to them. */
export async function chainLinksAfter(
  knex: Knex,
  reader: AuditReader,
  after: ChainPlace,
  limit: number,
): Promise<ChainLink[]> {
  let previous = after;
  return (await entriesAfter(knex, reader, after, limit)).map(([entry, transaction]) => {
    const { accountId, accountVersion, hash } = entry;
    const previousHash = accountId === previous.accountId ? previous.hash : CHAIN_START;
    previous = entry;
    if (!transaction || Buffer.compare(hash, entryHash(previousHash, transaction, entry)) !== 0) {
      return { accountId, accountVersion, hash, isSeen: false };
    }
    const { transactionId, amountUsdMicros, balanceAfterUsdMicros, grantMovements } = entry;
    const { type, createTime } = transaction;
    return {
      accountId,
      accountVersion,
      hash,
      isSeen: true,
      transactionId,
      amountUsdMicros,
      balanceAfterUsdMicros,
      grantMovements,
      type,
      createTime,
    };
  });
}

/** The rows of entries e that follow one, with those of their transactions t. */
export function entriesWithTransactions(
  knex: Knex,
  after: Pick<EntryRow, "accountId" | "accountVersion">,
  limit: number,
) {
  return knex(`${ENTRIES.name} as e`)
    .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
    .whereRaw("(e.account_id, e.account_version) > (?, ?)", [after.accountId, after.accountVersion as never])
    .orderBy(["e.account_id", "e.account_version"])
    .limit(limit);
}

function entryIn(values: Values): EntryRow {
  try {
    return {
      transactionId: textIn(values[0]),
      position: Number(values[1]),
      accountId: textIn(values[2]),
      accountVersion: int8In(values[3]),
      amountUsdMicros: int8In(values[4]),
      balanceAfterUsdMicros: int8In(values[5]),
      grantMovements: movementsIn(textIn(values[6])),
      hash: bytesIn(values[7]),
    };
  } catch (cause) {
    throw unreadable(ENTRIES, { transaction_id: values[0], position: values[1] }, cause);
  }
}

function transactionIn(values: Values): ChainedTransaction {
  return {
    transactionId: textIn(values[8]),
    type: values[9] as TransactionType,
    toolId: textIn(values[10]),
    generationId: textIn(values[11]),
    externalReference: textIn(values[12]),
    refundOfTransactionId: uuidIn(values[13]),
    rewardPolicyId: textIn(values[14]),
    detailsDigest: bytesIn(values[15]),
    caller: textIn(values[16]),
    requestId: textIn(values[17]),
    createTime: int8In(values[18]),
  };
}
