import { formatDecimal, parseDecimal } from "../domain/money.js";
import { JsonNumber } from "./exact-json.js";

/** A micro-dollar is a millionth of one. */
const USD_DECIMALS = 6;
const NUMBER = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/;

/**
 * Reads an amount in US$, a JSON number or a decimal string, exactly.
 * @returns micro-USD; undefined if it is anything else, is negative or has more than 6 decimals: nothing is rounded
 */
export function parseUsd(value: unknown): bigint | undefined {
  return parseMillionths(value);
}

/** Reads a JSON number or a decimal string exactly, as a whole number of millionths; undefined as for parseUsd. */
export function parseMillionths(value: unknown): bigint | undefined {
  const text = value instanceof JsonNumber ? plainDecimal(value.text) : value;
  return typeof text === "string" ? parseDecimal(text, USD_DECIMALS) : undefined;
}

/** US$ as old callers read them: at least two decimals, and no more than there are: "10.50", "0.000337". */
export function formatUsd(usdMicros: bigint): string {
  return formatDecimal(usdMicros, USD_DECIMALS).replace(/0{1,4}$/, "");
}

/** A JSON number without its exponent, which JavaScript writes for small ones: 1.5e-7 → "0.00000015". */
function plainDecimal(text: string): string | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const decimals = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, -decimals));
  const plain = formatDecimal(digits, Math.max(0, decimals));
  return sign + plain;
}
