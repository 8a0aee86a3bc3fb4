import { MICROS_PER_USD, parseDecimal, RATE_DECIMALS } from "./money.js";

/** An account's old balance as decimal strings; "" means none. */
export interface LegacyBalance {
  readonly points: string;
  readonly qoints: string;
  readonly doints: string;
  readonly usd: string;
}

/** US$ for one of each old unit, in 10^-12 dollars. */
export interface LegacyRates {
  readonly points: bigint;
  readonly qoints: bigint;
  readonly doints: bigint;
}

const SCALE = 10n ** BigInt(RATE_DECIMALS);

/**
 * What an old balance is worth: all its parts added up exactly, then rounded down once to a micro (rules 7).
 * @returns micro-USD, or the name of the first part that can't be read
 */
export function legacyWorth(
  balance: LegacyBalance,
  rates: LegacyRates,
): bigint | { readonly unreadable: keyof LegacyBalance } {
  let worth = 0n;
  for (const unit of ["points", "qoints", "doints", "usd"] as const) {
    const text = balance[unit];
    if (text === "") continue;
    const amount = parseDecimal(text, RATE_DECIMALS);
    if (amount === undefined) return { unreadable: unit };
    worth += amount * (unit === "usd" ? SCALE : rates[unit]);
  }
  return (worth * MICROS_PER_USD) / (SCALE * SCALE);
}
