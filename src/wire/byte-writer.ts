import { MOST_BYTES_PER_UNIT, writeUtf8 } from "../domain/utf8.js";

const FIRST_BYTES = 16 * 1_024;
const MOST_VARINT_BYTES = 10;
/** A length below this is one byte. */
const TWO_BYTE_LENGTH = 0x80;
const TWO_TO_32 = 2 ** 32;
/** Of what is also a number. */
const MOST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** Writes protobuf's primitives one after the other into a buffer that is kept and grows with the longest message. */
export class ByteWriter {
  private bytes = Buffer.allocUnsafe(FIRST_BYTES);
  private length = 0;

  /** Forgets what has been written. */
  reset(): void {
    this.length = 0;
  }

  /** A copy of what has been written. */
  written(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }

  /** @param value 0 to 2^32 − 1 */
  uint32(value: number): void {
    this.reserve(MOST_VARINT_BYTES);
    this.varint(value);
  }

  /** Negative values take ten bytes, as int32 and enums have it. @param value −2^31 to 2^31 − 1 */
  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.int64(BigInt(value));
  }

  /** @throws RangeError if it isn't in int64: an amount is never cut to fit */
  int64(value: bigint): void {
    this.reserve(MOST_VARINT_BYTES);
    // As a number where that says it exactly: a bigint is made anew by each step.
    if (typeof value === "bigint" && value >= 0n && value <= MOST_EXACT) {
      const exact = Number(value);
      this.varint64(exact >>> 0, Math.floor(exact / TWO_TO_32));
      return;
    }
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} isn't an int64`);
    this.varint64(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  bool(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  double(value: number): void {
    this.reserve(Float64Array.BYTES_PER_ELEMENT);
    this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  /** Text after its length. */
  string(value: string): void {
    const start = this.open();
    this.reserve(value.length * MOST_BYTES_PER_UNIT);
    this.length = start + writeUtf8(this.bytes, value, start);
    this.close(start);
  }

  /** The characters alone, a byte each. */
  ascii(value: string): void {
    this.reserve(value.length);
    this.length += this.bytes.write(value, this.length, "latin1");
  }

  /** Bytes after their length. */
  raw(value: Uint8Array): void {
    this.uint32(value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Begins something that comes after its own length. @returns what `close` takes */
  open(): number {
    this.reserve(1);
    return ++this.length;
  }

  /** Writes the length in the byte kept for it. A longer one moves the content. */
  close(start: number): void {
    const end = this.length;
    const length = end - start;
    if (length < TWO_BYTE_LENGTH) {
      this.bytes[start - 1] = length;
      return;
    }
    const moved = start + bytesOfVarint(length) - 1;
    this.reserve(moved - start);
    this.bytes.copyWithin(moved, start, end);
    this.length = start - 1;
    this.varint(length);
    this.length = moved + length;
  }

  private varint64(lowHalf: number, highHalf: number): void {
    let [low, high] = [lowHalf, highHalf];
    while (high > 0) {
      this.bytes[this.length++] = (low & 0x7f) | 0x80;
      low = ((high << 25) | (low >>> 7)) >>> 0;
      high >>>= 7;
    }
    this.varint(low);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

function bytesOfVarint(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}
