import type { RewardRole } from "./fees.js";

export type EarningsBucket = "DAY" | "WEEK" | "MONTH";

/** What one asset earned on one UTC day; a day may come in several rows. */
export interface DailyEarnings {
  /** Days since 1970-01-01. */
  readonly day: bigint;
  readonly assetId: string;
  readonly role: RewardRole;
  readonly earnedUsdMicros: bigint;
  /** Taken back by refunds, dated when it was taken. */
  readonly clawedBackUsdMicros: bigint;
  readonly uses: bigint;
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

const MILLISECONDS_PER_DAY = 86_400_000;

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

/** Sums days into buckets, oldest first; empty buckets are left out. @param days oldest first */
export function bucketEarnings(
  days: readonly DailyEarnings[],
  bucket: EarningsBucket,
  byAsset: boolean,
): BucketEarnings[] {
  const buckets = new Map<string, BucketEarnings>();
  for (const { day, assetId, role, earnedUsdMicros, clawedBackUsdMicros, uses } of days) {
    const firstDay = firstDayOf(bucket, day);
    const key = byAsset ? `${firstDay}\n${role}\n${assetId}` : String(firstDay);
    const sum = buckets.get(key);
    buckets.set(key, {
      firstDay,
      asset: byAsset ? { assetId, role } : undefined,
      earnedUsdMicros: earnedUsdMicros + (sum?.earnedUsdMicros ?? 0n),
      clawedBackUsdMicros: clawedBackUsdMicros + (sum?.clawedBackUsdMicros ?? 0n),
      uses: uses + (sum?.uses ?? 0n),
    });
  }
  return [...buckets.values()];
}
