import type { Line } from "./draft.js";
import { planRestore } from "./grants.js";
import type { GrantMovement, RewardRow, TransactionWithEntries } from "./rows.js";

/** A transaction that can be given back, with the rewards it paid. */
export interface Refundable extends TransactionWithEntries {
  /** By position; none unless it is a settlement. */
  readonly rewards: readonly RewardRow[];
}

/** What a refund takes from one creator's share. */
export interface ShareBack {
  readonly reward: RewardRow;
  /** Part of the refund that falls on this share. */
  readonly refundedUsdMicros: bigint;
  /** What the creator gives of it; `sys:clawback_loss` bears the rest. */
  readonly clawedBackUsdMicros: bigint;
}

export interface RefundPlan {
  readonly lines: readonly Line[];
  readonly shares: readonly ShareBack[];
}

/** What can still be given back of a transaction, micro-USD. */
export function refundable({ transaction, entries }: Refundable): bigint {
  return -payerEntry(entries).amountUsdMicros - transaction.refundedUsdMicros;
}

/**
 * Plans giving part of a transaction back (rules 6): split over what is left of each part by largest remainder, base first at ties, then creators in listed order, so that no part
 * ever moves backwards and the last refund empties all.
 * @param amountUsdMicros 1 to what is refundable
 * @param available what a creator has to give; () => 0n if rewards are not to be clawed back
 */
export function planRefund(
  original: Refundable,
  amountUsdMicros: bigint,
  available: (accountId: string) => bigint,
): RefundPlan {
  const [fromBase = 0n, ...fromShares] = splitByLargestRemainder(amountUsdMicros, leftOfParts(original));
  const left = new Map<string, bigint>();
  const shares = original.rewards.map((reward, index): ShareBack => {
    const refundedUsdMicros = fromShares[index] ?? 0n;
    const has = left.get(reward.accountId) ?? available(reward.accountId);
    const clawedBackUsdMicros = has < refundedUsdMicros ? has : refundedUsdMicros;
    left.set(reward.accountId, has - clawedBackUsdMicros);
    return { reward, refundedUsdMicros, clawedBackUsdMicros };
  });
  return { lines: refundLines(original, amountUsdMicros, fromBase, shares), shares };
}

/** What is left of the base, then of each share. */
function leftOfParts(original: Refundable): bigint[] {
  const taken = -payerEntry(original.entries).amountUsdMicros;
  const paidShares = original.rewards.reduce((sum, reward) => sum + reward.amountUsdMicros, 0n);
  const backOfShares = original.rewards.reduce((sum, reward) => sum + reward.refundedUsdMicros, 0n);
  const leftOfBase = taken - paidShares - (original.transaction.refundedUsdMicros - backOfShares);
  return [leftOfBase, ...original.rewards.map((reward) => reward.amountUsdMicros - reward.refundedUsdMicros)];
}

/** Splits an amount in proportion to weights, exactly: floors, then a micro more for the largest remainders; at ties the first part wins. @param amount at most the sum of the weights */
export function splitByLargestRemainder(amount: bigint, weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total === 0n) return weights.map(() => 0n);
  const parts = weights.map((weight) => (amount * weight) / total);
  const missing = amount - parts.reduce((sum, part) => sum + part, 0n);
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (amount * weight) % total }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  for (const { index } of byRemainder.slice(0, Number(missing))) parts[index] = (parts[index] as bigint) + 1n;
  return parts;
}

function refundLines(
  original: Refundable,
  amountUsdMicros: bigint,
  fromBase: bigint,
  shares: readonly ShareBack[],
): Line[] {
  const payer = payerEntry(original.entries);
  const byCreator = new Map<string, bigint>();
  let lost = 0n;
  for (const { reward, refundedUsdMicros, clawedBackUsdMicros } of shares) {
    byCreator.set(reward.accountId, (byCreator.get(reward.accountId) ?? 0n) - clawedBackUsdMicros);
    lost += refundedUsdMicros - clawedBackUsdMicros;
  }
  const movements = restoredGrants(original, amountUsdMicros);
  const lines: Line[] = [
    { accountId: payer.accountId, amountUsdMicros, grants: { kind: "restores", movements } },
    { accountId: "sys:revenue", amountUsdMicros: -fromBase },
    ...[...byCreator].map(([accountId, amount]) => ({ accountId, amountUsdMicros: amount })),
    { accountId: "sys:clawback_loss", amountUsdMicros: -lost },
  ];
  return lines.filter((line) => line.amountUsdMicros !== 0n);
}

function restoredGrants({ transaction, entries }: Refundable, amountUsdMicros: bigint): GrantMovement[] {
  return planRestore(payerEntry(entries).grantMovements, transaction.refundedUsdMicros, amountUsdMicros);
}

/** The entry that money was taken with: the first, in every kind of transaction that can be given back. */
function payerEntry(entries: Refundable["entries"]): Refundable["entries"][number] {
  const [first] = entries;
  if (!first || first.amountUsdMicros >= 0n) throw new Error("a refundable transaction begins with its payer's entry");
  return first;
}
