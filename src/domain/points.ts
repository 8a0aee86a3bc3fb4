import { formatDecimal, parseDecimal, RATE_DECIMALS } from "./money.js";

/** Points are a display unit: a number of dollars per point. Nothing is stored in points. */
export interface PointsRate {
  /** US$ per point, in 10^-12 dollars. */
  readonly picoUsdPerPoint: bigint;
}

const PICO_USD_PER_MICRO = 1_000_000n;

/**
 * Reads TOLLGATE_USD_PER_POINT.
 * @returns undefined unless it is a decimal string above 0 with at most 12 decimals.
 */
export function parsePointsRate(usdPerPoint: string): PointsRate | undefined {
  const picoUsdPerPoint = parseDecimal(usdPerPoint, RATE_DECIMALS);
  return picoUsdPerPoint ? { picoUsdPerPoint } : undefined;
}

/** Balances and earnings in points: two decimals, rounded down. */
export function pointsRoundedDown(usdMicros: bigint, rate: PointsRate): string {
  const scaled = usdMicros * PICO_USD_PER_MICRO * 100n;
  const floor = scaled / rate.picoUsdPerPoint;
  const isBelow = scaled < 0n && floor * rate.picoUsdPerPoint !== scaled;
  return formatDecimal(isBelow ? floor - 1n : floor, 2);
}

/** What a whole number of points is worth, in micro-USD: prices round up, what is given rounds down. */
export function usdMicrosOfPoints(points: bigint, rate: PointsRate, rounding: "up" | "down"): bigint {
  const pico = points * rate.picoUsdPerPoint;
  return (rounding === "up" ? pico + PICO_USD_PER_MICRO - 1n : pico) / PICO_USD_PER_MICRO;
}

/** Points in a dollar, with six decimals, rounded down. */
export function pointsPerUsd(rate: PointsRate): string {
  return formatDecimal(10n ** BigInt(RATE_DECIMALS + 6) / rate.picoUsdPerPoint, 6);
}

/** Prices in points: two decimals, rounded up. @param usdMicros not negative */
export function pointsRoundedUp(usdMicros: bigint, rate: PointsRate): string {
  const scaled = usdMicros * PICO_USD_PER_MICRO * 100n;
  return formatDecimal((scaled + rate.picoUsdPerPoint - 1n) / rate.picoUsdPerPoint, 2);
}
