import type { MessageInitShape } from "@bufbuild/protobuf";
import { isPlatformAccount, publicAccountId } from "../../domain/accounts.js";
import type { Account, Grant, Hold, TransactionWithEntries } from "../../domain/ledger/rows.js";
import { type PointsRate, pointsRoundedDown } from "../../domain/points.js";
import {
  type BalanceSchema,
  CreditCategory,
  type CreditGrantSchema,
  type EntrySchema,
  type HoldSchema,
  HoldState,
  type TransactionSchema,
  TransactionType,
} from "../../gen/stationthis/economy/v1/economy_pb.js";
import { toTimestamp } from "./time.js";

/** The balance of an account, which for a platform account is the sum of its stripes. @param rows at least one */
export function toBalance(
  accountId: string,
  rows: readonly Account[],
  points: PointsRate,
): MessageInitShape<typeof BalanceSchema> {
  const [first, ...others] = rows as readonly [Account, ...Account[]];
  const account = others.reduce<Summed>(together, first);
  const availableUsdMicros = account.balanceUsdMicros - account.heldUsdMicros;
  return {
    accountId,
    balanceUsdMicros: account.balanceUsdMicros,
    heldUsdMicros: account.heldUsdMicros,
    availableUsdMicros,
    promotionalUsdMicros: account.promotionalUsdMicros,
    availablePoints: pointsRoundedDown(availableUsdMicros, points),
    version: isPlatformAccount(accountId) ? 0n : first.version,
    updateTime: toTimestamp(account.updateTime),
    createTime: toTimestamp(account.createTime),
  };
}

type Summed = Pick<
  Account,
  "balanceUsdMicros" | "heldUsdMicros" | "promotionalUsdMicros" | "updateTime" | "createTime"
>;

/** What two stripes of an account have together. */
function together(a: Summed, b: Summed): Summed {
  return {
    balanceUsdMicros: a.balanceUsdMicros + b.balanceUsdMicros,
    heldUsdMicros: a.heldUsdMicros + b.heldUsdMicros,
    promotionalUsdMicros: a.promotionalUsdMicros + b.promotionalUsdMicros,
    updateTime: a.updateTime > b.updateTime ? a.updateTime : b.updateTime,
    createTime: a.createTime < b.createTime ? a.createTime : b.createTime,
  };
}

export function toTransaction({
  transaction,
  entries,
}: TransactionWithEntries): MessageInitShape<typeof TransactionSchema> {
  return {
    transactionId: transaction.transactionId,
    type: TransactionType[transaction.type],
    entries: entries.map(toEntry),
    toolId: transaction.toolId,
    generationId: transaction.generationId,
    description: transaction.description,
    metadata: { ...transaction.metadata },
    externalReference: transaction.externalReference,
    refundedUsdMicros: transaction.refundedUsdMicros,
    refundOfTransactionId: transaction.refundOfTransactionId,
    rewardPolicyId: transaction.rewardPolicyId,
    requestId: transaction.requestId,
    createTime: toTimestamp(transaction.createTime),
  };
}

/** A stripe's own balance and version say nothing to callers, so they are left out. */
function toEntry(entry: TransactionWithEntries["entries"][number]): MessageInitShape<typeof EntrySchema> {
  const isStripe = isPlatformAccount(entry.accountId);
  return {
    accountId: publicAccountId(entry.accountId),
    amountUsdMicros: entry.amountUsdMicros,
    balanceAfterUsdMicros: isStripe ? 0n : entry.balanceAfterUsdMicros,
    accountVersion: isStripe ? 0n : entry.accountVersion,
  };
}

export function toCreditGrant(grant: Grant): MessageInitShape<typeof CreditGrantSchema> {
  return {
    grantId: grant.grantId,
    accountId: grant.accountId,
    category: CreditCategory[grant.category],
    priority: grant.priority,
    amountUsdMicros: grant.issuedUsdMicros,
    remainingUsdMicros: grant.remainingUsdMicros,
    ...(grant.expireTime === null ? {} : { expireTime: toTimestamp(grant.expireTime) }),
    transactionId: grant.transactionId,
    createTime: toTimestamp(grant.createTime),
  };
}

export function toHold(hold: Hold): MessageInitShape<typeof HoldSchema> {
  return {
    holdId: hold.holdId,
    accountId: hold.accountId,
    amountUsdMicros: hold.amountUsdMicros,
    capturedUsdMicros: hold.capturedUsdMicros,
    state: HoldState[hold.state],
    generationId: hold.generationId,
    description: hold.description,
    ...(hold.expireTime === null ? {} : { expireTime: toTimestamp(hold.expireTime) }),
    createTime: toTimestamp(hold.createTime),
  };
}
