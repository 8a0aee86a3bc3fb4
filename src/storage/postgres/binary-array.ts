import pg from "pg";
import { MOST_BYTES_PER_UNIT, writeUtf8 } from "../../domain/utf8.js";
import { StoreError } from "../store.js";

/*
 * Arrays as Postgres sends and receives them in binary, one parameter for a column of many rows. pg would write text, and ask of every element what it is; binary is half as long, and neither side writes or
 * reads digits (docs/decisions/0022).
 */

/** Element types, by their names in SQL. */
export type ElementType = keyof typeof ELEMENTS;

type Value = string | number | bigint | boolean | Uint8Array | null;

interface Element {
  readonly oid: number;
  /** Writes the element after its length. */
  write(value: never): void;
}

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
const MAX_INT8 = 2n ** 63n - 1n;
const MIN_INT8 = -(2n ** 63n);
const { builtins } = pg.types;

/** What is being written: kept from one array to the next. */
let bytes = Buffer.allocUnsafeSlow(64 * 1_024);
/** The same bytes, for numbers: Buffer's own methods check what they are given, one by one. */
let view = viewOf(bytes);
let length = 0;

const ELEMENTS = {
  text: { oid: builtins.TEXT, write: writeText },
  uuid: { oid: builtins.UUID, write: writeUuid },
  bigint: { oid: builtins.INT8, write: writeInt8 },
  integer: { oid: builtins.INT4, write: writeInt4 },
  "double precision": { oid: builtins.FLOAT8, write: writeFloat8 },
  boolean: { oid: builtins.BOOL, write: writeBool },
  bytea: { oid: builtins.BYTEA, write: writeBytes },
} as const satisfies Record<string, Element>;

/**
 * An array of one dimension.
 * @param values of the type's kind in JavaScript, or null
 * @throws StoreError REFUSED if a value can't be of the type: no UUID, or no int64
 */
export function binaryArray(type: ElementType, values: readonly Value[]): Buffer {
  const element: Element = ELEMENTS[type];
  length = HEADER_BYTES;
  let hasNull = 0;
  for (const value of values) {
    if (value === null) {
      begin(NULL_LENGTH);
      hasNull = 1;
    } else {
      element.write(value as never);
    }
  }
  // Dimensions, whether there are nulls, the type, how many, and the index of the first.
  [1, hasNull, element.oid, values.length, 1].forEach((word, index) => {
    view.setInt32(index * 4, word);
  });
  return Buffer.from(bytes.subarray(0, length));
}

function writeText(value: string): void {
  reserve(LENGTH_BYTES + value.length * MOST_BYTES_PER_UNIT);
  const start = length + LENGTH_BYTES;
  const written = writeUtf8(bytes, value, start);
  view.setInt32(length, written);
  length = start + written;
}

function writeBytes(value: Uint8Array): void {
  begin(value.length);
  bytes.set(value, length);
  length += value.length;
}

function writeInt8(value: bigint): void {
  if (value > MAX_INT8 || value < MIN_INT8) throw new StoreError("REFUSED", `${value} isn't an int64`);
  begin(8);
  view.setBigInt64(length, value);
  length += 8;
}

function writeInt4(value: number): void {
  begin(4);
  view.setInt32(length, value);
  length += 4;
}

function writeFloat8(value: number): void {
  begin(8);
  view.setFloat64(length, value);
  length += 8;
}

function writeBool(value: boolean): void {
  begin(1);
  bytes[length++] = value ? 1 : 0;
}

function writeUuid(value: string): void {
  begin(DIGITS_AT.length);
  let isWrong = value.length === UUID_UNITS ? 0 : -1;
  for (const at of DIGITS_AT) {
    const digits = (digitAt(value, at) << 4) | digitAt(value, at + 1);
    isWrong |= digits;
    bytes[length++] = digits;
  }
  if (isWrong < 0) throw new StoreError("REFUSED", `${JSON.stringify(value)} isn't a UUID`);
}

const UUID_UNITS = 36;
/** Where the digits of each byte of a UUID are: 019aa5b2-7c31-7e4a-9b4e-0123456789ab. */
const DIGITS_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

/** Values of the characters 0-9, A-F and a-f; −1 for all others. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? -1 : value;
});

function digitAt(text: string, index: number): number {
  return DIGITS[text.charCodeAt(index)] ?? -1;
}

/** Writes an element's length, and makes room for it. */
function begin(elementBytes: number): void {
  reserve(LENGTH_BYTES + elementBytes);
  view.setInt32(length, elementBytes);
  length += LENGTH_BYTES;
}

function reserve(more: number): void {
  const needed = length + more;
  if (needed <= bytes.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, length);
  bytes = larger;
  view = viewOf(bytes);
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
