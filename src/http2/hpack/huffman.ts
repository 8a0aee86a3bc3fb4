/** Huffman-coded text of headers (RFC 7541, 5.2 and appendix B). */

/** Bits of each octet's code, then of the end's. The code is canonical, so its lengths are all there is to know of it. */
// biome-ignore format: a table of 16 columns, one row for each first digit
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const END = 256;
const MOST_BITS = 30;
const LEAST_BITS = 5;
/** At the end of a text, up to seven bits of the end's code fill its last octet. */
const MOST_PADDING_BITS = 7;

/** Octets in the order of their codes. */
const SYMBOLS = Uint16Array.from(
  [...CODE_BITS.keys()].sort((a, b) => (CODE_BITS[a] as number) - (CODE_BITS[b] as number) || a - b),
);
/** Of each length: its first code, how many there are, and which place the first one's octet has. */
const FIRST_CODE = new Uint32Array(MOST_BITS + 1);
const COUNT = new Uint16Array(MOST_BITS + 1);
const FIRST_PLACE = new Uint16Array(MOST_BITS + 1);
for (const bits of CODE_BITS) COUNT[bits] = (COUNT[bits] as number) + 1;
for (let bits = 1; bits <= MOST_BITS; bits++) {
  FIRST_CODE[bits] = 2 * ((FIRST_CODE[bits - 1] as number) + (COUNT[bits - 1] as number));
  FIRST_PLACE[bits] = (FIRST_PLACE[bits - 1] as number) + (COUNT[bits - 1] as number);
}

/**
 * The text that octets stand for, one character an octet.
 * @returns undefined if they are no such text
 */
export function huffmanDecoded(bytes: Uint8Array): string | undefined {
  const octets = Buffer.allocUnsafe(Math.floor((8 * bytes.length) / LEAST_BITS));
  let length = 0;
  let code = 0;
  let bits = 0;
  for (const byte of bytes) {
    for (let shift = 7; shift >= 0; shift--) {
      code = 2 * code + ((byte >> shift) & 1);
      if (++bits > MOST_BITS) return undefined;
      const place = code - (FIRST_CODE[bits] as number);
      if (place >= (COUNT[bits] as number)) continue;
      const symbol = SYMBOLS[(FIRST_PLACE[bits] as number) + place] as number;
      if (symbol === END) return undefined;
      octets[length++] = symbol;
      code = 0;
      bits = 0;
    }
  }
  const isPadding = bits <= MOST_PADDING_BITS && code === 2 ** bits - 1;
  return isPadding ? octets.toString("latin1", 0, length) : undefined;
}
