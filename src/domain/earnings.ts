import type { RewardRole } from "./fees.js";
import type { ClawbackRow, RewardRow } from "./ledger/rows.js";
import { type EpochMicros, MICROS_PER_DAY } from "./time.js";

export type EarningsBucket = "DAY" | "WEEK" | "MONTH";

/** A creator's LoRA or spell, by the role in which it earns. */
export interface CreatorAsset {
  /** The creator. */
  readonly accountId: string;
  readonly assetId: string;
  readonly role: RewardRole;
}

/** What one asset earned on one UTC day: the sums of its rewards and clawbacks of that day. */
export interface AssetDay extends CreatorAsset {
  /** Days since 1970-01-01. */
  readonly day: bigint;
  readonly earnedUsdMicros: bigint;
  /** Taken back by refunds, dated when it was taken. */
  readonly clawedBackUsdMicros: bigint;
  /** Rewards. */
  readonly uses: bigint;
  /** Users whose first use of the asset was on that day, so that the sum over all days counts each once. */
  readonly newUsers: bigint;
  /** Of the day's last reward; 0 on a day with clawbacks only. */
  readonly lastUsedTime: EpochMicros;
}

/** That a user has used an asset, and since when. */
export interface AssetUser extends CreatorAsset {
  readonly userAccountId: string;
  /** Days since 1970-01-01. */
  readonly firstDay: bigint;
}

/** What one bucket, or one asset in it, earned. */
export interface BucketEarnings {
  /** Its first day, since 1970-01-01. */
  readonly firstDay: bigint;
  /** Unset unless grouped by asset. */
  readonly asset: { readonly assetId: string; readonly role: RewardRole } | undefined;
  readonly earnedUsdMicros: bigint;
  /** Taken back by refunds, dated when it was taken. */
  readonly clawedBackUsdMicros: bigint;
  readonly uses: bigint;
}

/** What an asset brought its creator so far. */
export interface AssetUsage {
  readonly assetId: string;
  readonly role: RewardRole;
  readonly uses: bigint;
  readonly distinctUsers: bigint;
  /** Gross. */
  readonly earnedUsdMicros: bigint;
  readonly lastUsedTime: EpochMicros;
}

/** A time range as the whole UTC days in it and what is cut off of days at its ends. */
export interface SplitRange {
  /** Days since 1970-01-01, from the first to before the second; none if they are the same. */
  readonly wholeDays: readonly [bigint, bigint];
  /** At most two, each within one day. */
  readonly cutDays: readonly { readonly day: bigint; readonly startTime: EpochMicros; readonly endTime: EpochMicros }[];
}

const MILLISECONDS_PER_DAY = 86_400_000;

/** The UTC day that a time is in. */
export function dayOf(time: EpochMicros): bigint {
  const day = time / MICROS_PER_DAY;
  return day * MICROS_PER_DAY > time ? day - 1n : day;
}

/** First day of the UTC bucket that a day is in. Weeks start on Monday. */
export function firstDayOf(bucket: EarningsBucket, day: bigint): bigint {
  switch (bucket) {
    case "DAY":
      return day;
    case "WEEK":
      // 1970-01-01 was a Thursday, three days after a Monday.
      return day - ((day + 3n) % 7n);
    case "MONTH": {
      const date = new Date(Number(day) * MILLISECONDS_PER_DAY);
      return BigInt(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / MILLISECONDS_PER_DAY);
    }
  }
}

/** Splits a time range, end exclusive, so that whole days can be read from what is summed up by day, and only the rest reward by reward. */
export function splitRange(startTime: EpochMicros, endTime: EpochMicros): SplitRange {
  const firstWhole = dayOf(startTime - 1n) + 1n;
  const afterLastWhole = dayOf(endTime);
  if (startTime >= endTime) return { wholeDays: [0n, 0n], cutDays: [] };
  if (firstWhole > afterLastWhole) {
    return { wholeDays: [0n, 0n], cutDays: [{ day: dayOf(startTime), startTime, endTime }] };
  }
  const cutDays = [
    { day: firstWhole - 1n, startTime, endTime: firstWhole * MICROS_PER_DAY },
    { day: afterLastWhole, startTime: afterLastWhole * MICROS_PER_DAY, endTime },
  ];
  return { wholeDays: [firstWhole, afterLastWhole], cutDays: cutDays.filter((cut) => cut.startTime < cut.endTime) };
}

/** What new rewards and clawbacks add to each asset's days; the new users are not known yet, so 0. */
export function addedDays(rewards: readonly RewardRow[], clawbacks: readonly ClawbackRow[]): AssetDay[] {
  const days = new Map<string, Sums>();
  const sumsOf = ({ accountId, assetId, role, createTime }: RewardRow | ClawbackRow): Sums => {
    const day = dayOf(createTime);
    const key = `${accountId}\n${role}\n${day}\n${assetId}`;
    let sums = days.get(key);
    if (!sums) {
      sums = { accountId, assetId, role, day, ...NOTHING };
      days.set(key, sums);
    }
    return sums;
  };
  for (const reward of rewards) {
    const sums = sumsOf(reward);
    sums.earnedUsdMicros += reward.amountUsdMicros;
    sums.uses++;
    if (reward.createTime > sums.lastUsedTime) sums.lastUsedTime = reward.createTime;
  }
  for (const clawback of clawbacks) sumsOf(clawback).clawedBackUsdMicros += clawback.amountUsdMicros;
  return [...days.values()];
}

type Sums = { -readonly [Property in keyof AssetDay]: AssetDay[Property] };

const NOTHING = { earnedUsdMicros: 0n, clawedBackUsdMicros: 0n, uses: 0n, newUsers: 0n, lastUsedTime: 0n };

/**
 * Who used which asset in these rewards, each pair once, with its first day, by a text that is of this pair alone.
 * @param isKnown pairs to leave out, by that text
 */
export function usersOf(
  rewards: readonly RewardRow[],
  isKnown: (key: string) => boolean = () => false,
): Map<string, AssetUser> {
  const users = new Map<string, AssetUser>();
  for (const { accountId, assetId, role, userAccountId, createTime } of rewards) {
    const key = `${accountId}\n${role}\n${userAccountId}\n${assetId}`;
    if (isKnown(key)) continue;
    const firstDay = dayOf(createTime);
    const known = users.get(key);
    if (!known || firstDay < known.firstDay) users.set(key, { accountId, assetId, role, userAccountId, firstDay });
  }
  return users;
}
