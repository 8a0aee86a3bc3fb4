import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  type Balance,
  type Entry,
  type Transaction,
  TransactionType,
} from "../gen/stationthis/economy/v1/economy_pb.js";
import { oldTypeOf, relatedItemsOf } from "./labels.js";
import { formatUsd } from "./money.js";

/** An account as old callers read it. usdCredit is what can be spent; exp is a game score, which is kept elsewhere. */
export function economyOf(balance: Balance | undefined): object {
  return {
    masterAccountId: balance?.accountId,
    usdCredit: { $numberDecimal: formatUsd(balance?.availableUsdMicros ?? 0n) },
    exp: 0,
    createdAt: isoTime(balance?.createTime),
    updatedAt: isoTime(balance?.updateTime),
  };
}

/**
 * A transaction as old callers read it, from one account's side: amountUsd says how much, the balances say which way.
 * @param accountId whose side; by default that of the first account that isn't the platform's
 */
export function transactionOf(transaction: Transaction | undefined, accountId?: string): object {
  if (!transaction) throw new Error("the service answered without a transaction");
  const entry = entryOf(transaction, accountId);
  const hasBalances = entry !== undefined && entry.accountVersion > 0n;
  return {
    _id: transaction.transactionId,
    transactionType: legacyTypeOf(transaction),
    amountUsd: formatUsd(absolute(entry?.amountUsdMicros ?? 0n)),
    createdAt: isoTime(transaction.createTime),
    source: transaction.description,
    relatedItems: relatedItemsOf(transaction),
    externalTransactionId: transaction.externalReference || null,
    balanceBeforeUsd: hasBalances ? formatUsd(entry.balanceAfterUsdMicros - entry.amountUsdMicros) : null,
    balanceAfterUsd: hasBalances ? formatUsd(entry.balanceAfterUsdMicros) : null,
  };
}

/** The type as it was given, or the service's own name where no old call made the transaction. */
export function legacyTypeOf(transaction: Transaction): string {
  return oldTypeOf(transaction.metadata) ?? TransactionType[transaction.type];
}

/** The one line of a transaction that is an account's. */
export function entryOf(transaction: Transaction, accountId: string | undefined): Entry | undefined {
  return transaction.entries.find((entry) =>
    accountId === undefined ? !entry.accountId.startsWith("sys:") : entry.accountId === accountId,
  );
}

function isoTime(time: Timestamp | undefined): string | null {
  // Never rounded up: a row's own time, given back as a startDate, has to find the row.
  return time ? new Date(Number(time.seconds) * 1_000 + Math.trunc(time.nanos / 1_000_000)).toISOString() : null;
}

function absolute(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
