import type { Stored } from "../columns.js";

const NEEDS_ESCAPE = /["\\]/;
const ESCAPED = /["\\]/g;

/**
 * An array as Postgres reads it from text: {1,"a \"quoted\" text",NULL}. pg would do it, but asks of every element again what it is; that was an eighth of what a settlement cost
 * this process.
 */
export function arrayLiteral(values: readonly Stored[]): string {
  let literal = "{";
  for (let index = 0; index < values.length; index++) {
    if (index > 0) literal += ",";
    literal += element(values[index] as Stored);
  }
  return `${literal}}`;
}

function element(value: Stored): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `"${NEEDS_ESCAPE.test(value) ? value.replace(ESCAPED, "\\$&") : value}"`;
  if (value instanceof Uint8Array) return `"\\\\x${hexOf(value)}"`;
  return String(value);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
