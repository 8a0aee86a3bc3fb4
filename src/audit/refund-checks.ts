import { isPlatformAccount } from "../domain/accounts.js";
import type { TransactionType } from "../domain/ledger/rows.js";
import type { ClawbackToCheck, RewardInTransaction, TransactionToCheck } from "../storage/audit-store.js";
import { checkClawbackRollup } from "./rollup-checks.js";
import { sumsByAccount } from "./sums.js";
import { type Finding, finding } from "./violations.js";

const REFUNDABLE_TYPES: readonly TransactionType[] = ["DEBIT", "HOLD_CAPTURE", "GENERATION_SETTLEMENT"];

/** Checks a refund against what it gives back, and any transaction against its refunds (rules 6, 8.5). */
export function* checkRefunds(audited: TransactionToCheck): Generator<Finding> {
  yield* checkOriginal(audited);
  yield* checkClawbacks(audited);
  yield* checkTotals(audited);
  for (const reward of audited.rewards) {
    yield* checkReward(`transaction ${audited.transaction.transactionId} reward ${reward.position}`, reward);
  }
}

/** Checks that a clawback belongs to a refund and to a reward of what that gives back, and that its creator's earnings count it. */
export function* checkClawback(clawback: ClawbackToCheck): Generator<Finding> {
  yield* checkClawbackRollup(clawback);
  if (clawback.hasReward) return;
  const row = `transaction ${clawback.transactionId} clawback ${clawback.position}`;
  yield finding("clawback-has-reward", row, "its refund doesn't exist or gives back no such reward");
}

function* checkOriginal({ transaction, postings, refunded }: TransactionToCheck): Generator<Finding> {
  const { type, refundOfTransactionId } = transaction;
  const row = `transaction ${transaction.transactionId}`;
  const isRefund = type === "REFUND";
  if (!isRefund && refundOfTransactionId === "") return;
  if (!isRefund || !refunded || !REFUNDABLE_TYPES.includes(refunded.type)) {
    const original = `${refunded?.type ?? "nothing"} ${refundOfTransactionId || "unnamed"}`;
    yield finding("refund-names-refundable", row, `is a ${type} that gives back ${original}`);
    return;
  }
  const [payer] = postings;
  if (payer?.accountId !== refunded.payerAccountId || payer.amountUsdMicros <= 0n) {
    const paid = payer ? `${payer.accountId} ${payer.amountUsdMicros}` : "nobody";
    const detail = `pays ${paid}, the money was taken from ${refunded.payerAccountId || "nobody"}`;
    yield finding("refund-pays-payer-back", row, detail);
  }
}

function* checkClawbacks({ transaction, postings, clawbacks }: TransactionToCheck): Generator<Finding> {
  if (transaction.type !== "REFUND") return;
  const row = `transaction ${transaction.transactionId}`;
  const taken = postings.filter(
    ({ accountId, amountUsdMicros }) => amountUsdMicros < 0n && !isPlatformAccount(accountId),
  );
  const given = sumsByAccount(taken);
  const recorded = sumsByAccount(clawbacks);
  for (const accountId of new Set([...given.keys(), ...recorded.keys()])) {
    const [gives, says] = [-(given.get(accountId) ?? 0n), recorded.get(accountId) ?? 0n];
    if (gives === says) continue;
    const detail = `${accountId} gives ${gives}, its clawbacks sum to ${says}`;
    yield finding("clawbacks-are-creator-entries", row, detail);
  }
}

function* checkTotals({ transaction, postings, rewards, refunds }: TransactionToCheck): Generator<Finding> {
  const row = `transaction ${transaction.transactionId}`;
  const { type, refundedUsdMicros } = transaction;
  const { paidBackUsdMicros, fromBaseUsdMicros } = refunds;
  if (refundedUsdMicros !== paidBackUsdMicros) {
    const detail = `has ${refundedUsdMicros} refunded, its refunds sum to ${paidBackUsdMicros}`;
    yield finding("refunded-is-sum-of-refunds", row, detail);
  }
  const taken = REFUNDABLE_TYPES.includes(type) ? -(postings[0]?.amountUsdMicros ?? 0n) : 0n;
  if (refundedUsdMicros !== 0n && (refundedUsdMicros < 0n || refundedUsdMicros > taken)) {
    yield finding("refunded-within-taken", row, `has ${refundedUsdMicros} refunded of ${taken}`);
  }
  const ofRewards = rewards.reduce((sum, reward) => sum + reward.refundedUsdMicros, 0n);
  if (ofRewards + fromBaseUsdMicros !== refundedUsdMicros) {
    const parts = `${fromBaseUsdMicros} of its base and ${ofRewards} of its rewards`;
    yield finding("refunded-is-sum-of-parts", row, `has ${refundedUsdMicros} refunded, ${parts}`);
  }
}

function* checkReward(row: string, reward: RewardInTransaction): Generator<Finding> {
  const { amountUsdMicros, refundedUsdMicros, clawedBackUsdMicros, clawbacksUsdMicros } = reward;
  if (clawedBackUsdMicros < 0n || clawedBackUsdMicros > refundedUsdMicros || refundedUsdMicros > amountUsdMicros) {
    const detail = `${clawedBackUsdMicros} clawed back of ${refundedUsdMicros} refunded of ${amountUsdMicros}`;
    yield finding("reward-refunded-within-amount", row, detail);
  }
  if (clawedBackUsdMicros !== clawbacksUsdMicros) {
    const detail = `has ${clawedBackUsdMicros} clawed back, its clawbacks sum to ${clawbacksUsdMicros}`;
    yield finding("clawed-back-is-sum-of-clawbacks", row, detail);
  }
}
