/**
 * Money is bigint micro-USD everywhere: 1,000,000 micros are one dollar. Decimal strings are parsed exactly; no float touches an amount.
 */

export const MICROS_PER_USD = 1_000_000n;

/** Most that one operation may move: US$1,000,000. */
export const MAX_OPERATION_USD_MICROS = 1_000_000_000_000n;

/** A balance never leaves ± this (2^53 − 1 micros), so that every client language can read it exactly. */
export const MAX_BALANCE_USD_MICROS = 9_007_199_254_740_991n;

/** Decimals that a rate or a multiplier may have. */
export const RATE_DECIMALS = 12;

const DECIMAL = /^(\d{1,18})(?:\.(\d{1,18}))?$/;

/**
 * Reads a non-negative decimal string exactly, as an integer number of 10^-decimals.
 * @returns undefined unless the text is plain digits with at most `decimals` decimals ("0.000337"; no sign, no exponent, no spaces).
 */
export function parseDecimal(text: string, decimals: number): bigint | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const fraction = match[2] ?? "";
  if (fraction.length > decimals) return undefined;
  return BigInt(match[1] + fraction.padEnd(decimals, "0"));
}

/** Writes an integer number of 10^-decimals as a decimal string with exactly that many decimals. */
export function formatDecimal(scaled: bigint, decimals: number): string {
  const sign = scaled < 0n ? "-" : "";
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(decimals + 1, "0");
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** numerator / denominator of non-negative integers, rounded half up. */
export function divideHalfUp(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

/** `bps` hundredths of a percent of an amount, rounded half up (rules 2). */
export function basisPoints(amountUsdMicros: bigint, bps: number): bigint {
  return divideHalfUp(amountUsdMicros * BigInt(bps), 10_000n);
}

/**
 * Splits an amount into `parts` that sum to it: each gets the floor, the first (amount mod parts) get one micro more (rules 1.3).
 * @param parts at least 1
 */
export function splitEvenly(amountUsdMicros: bigint, parts: number): bigint[] {
  const count = BigInt(parts);
  const floor = amountUsdMicros / count;
  const larger = Number(amountUsdMicros % count);
  return Array.from({ length: parts }, (_, index) => (index < larger ? floor + 1n : floor));
}

/** US$ as a decimal string with six decimals, for people: 1_060_000n → "1.060000". */
export function formatUsd(usdMicros: bigint): string {
  return formatDecimal(usdMicros, 6);
}
