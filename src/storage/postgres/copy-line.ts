import { unescaped } from "./copy-rows.js";

const [TAB, BACKSLASH, BEYOND_ASCII] = [0x09, 0x5c, 0x80] as const;
const [MINUS, ZERO] = [0x2d, 0x30] as const;
/** What COPY writes for null. */
const NULL = "\\N";
/** What comes before the digits of bytes, the backslash escaped. */
const HEX_PREFIX = "\\\\x";
/** Decimal digits up to which a number is exact, whichever they are. */
const EXACT_DIGITS = 15;
/** What a digit of hex stands for, by its byte. */
const NIBBLES = Uint8Array.from({ length: 128 }, (_, byte) => Number.parseInt(String.fromCharCode(byte), 16) || 0);

/** A row in COPY's text format as the bytes that it came in, for what is read so often that making texts of all values costs too much. */
export class Line {
  /** What the row is in. */
  bytes: Buffer = Buffer.alloc(0);
  /** Whether all of it is ASCII. */
  isAscii = true;
  /** How often a backslash stands in it. */
  backslashes = 0;
  /** Where each value begins, and one behind the last where another would. */
  private readonly starts: number[];

  /** @param columns how many every row has */
  constructor(private readonly columns: number) {
    this.starts = new Array<number>(columns + 1).fill(0);
  }

  /** Takes the next row, which has to stay as it is for as long as it is read. */
  begin(bytes: Buffer, start: number, end: number): void {
    const { starts } = this;
    starts[0] = start;
    let [column, bits, backslashes] = [0, 0, 0];
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number;
      bits |= byte;
      if (byte === TAB) starts[++column] = index + 1;
      else if (byte === BACKSLASH) backslashes++;
    }
    starts[this.columns] = end + 1;
    this.bytes = bytes;
    this.isAscii = bits < BEYOND_ASCII;
    this.backslashes = backslashes;
  }

  start(column: number): number {
    return this.starts[column] as number;
  }

  end(column: number): number {
    return (this.starts[column + 1] as number) - 1;
  }

  isNull(column: number): boolean {
    const start = this.start(column);
    return this.end(column) - start === NULL.length && this.bytes[start] === BACKSLASH;
  }

  /** Whether a value is this text. False too where it takes more than a look at its bytes to say so. */
  is(column: number, text: string): boolean {
    const start = this.start(column);
    if (this.end(column) - start !== text.length) return false;
    for (let index = 0; index < text.length; index++) {
      const byte = this.bytes[start + index];
      if (byte !== text.charCodeAt(index) || byte === BACKSLASH) return false;
    }
    return true;
  }

  text(column: number): string {
    const value = this.bytes.toString("utf8", this.start(column), this.end(column));
    return value.includes("\\") ? unescaped(value) : value;
  }

  /** A value of which it is known that it is ASCII and has nothing escaped. */
  ascii(column: number): string {
    return this.bytes.toString("latin1", this.start(column), this.end(column));
  }

  int8(column: number): bigint {
    return int8In(this.bytes, this.start(column), this.end(column));
  }

  /** The bytes that a value stands for. */
  bytea(column: number): Buffer {
    return Buffer.from(this.bytes.toString("latin1", this.start(column) + HEX_PREFIX.length, this.end(column)), "hex");
  }

  /** Writes the bytes that a value stands for. @returns whether there were as many as there is room for */
  decodeBytea(column: number, decoded: Uint8Array): boolean {
    const { bytes } = this;
    const start = this.start(column) + HEX_PREFIX.length;
    if (this.end(column) - start !== 2 * decoded.length) return false;
    for (let index = 0, digit = start; index < decoded.length; index++, digit += 2) {
      const [high, low] = [NIBBLES[bytes[digit] as number] as number, NIBBLES[bytes[digit + 1] as number] as number];
      decoded[index] = high * 16 + low;
    }
    return true;
  }
}

/** An integer that is written out. Through a number where that is exact: it takes a third of what making a text of it does. */
export function int8In(bytes: Buffer, start: number, end: number): bigint {
  if (end - start > EXACT_DIGITS) return BigInt(bytes.toString("latin1", start, end));
  const isNegative = bytes[start] === MINUS;
  let value = 0;
  for (let index = isNegative ? start + 1 : start; index < end; index++) {
    value = value * 10 + (bytes[index] as number) - ZERO;
  }
  return BigInt(isNegative ? -value : value);
}
