import type { HeaderField } from "./header-decoder.js";
import { STATIC_TABLE } from "./static-table.js";

const NAMES = new Map<string, number>();
const FIELDS = new Map<string, number>();
for (const [index, [name, value]] of STATIC_TABLE.entries()) {
  if (!NAMES.has(name)) NAMES.set(name, index + 1);
  if (value !== "") FIELDS.set(`${name}:${value}`, index + 1);
}

/**
 * A block of headers that builds on no other and leaves nothing behind, so that it can be made once and sent again on any connection (RFC 7541, 6.1 and 6.2.2). Not Huffman-coded: a few
 * octets more, and nothing to do for them.
 * @param fields names in lower case
 */
export function encodeHeaders(fields: Iterable<HeaderField>): Buffer {
  const octets: number[] = [];
  for (const [name, value] of fields) {
    const whole = FIELDS.get(`${name}:${value}`);
    if (whole !== undefined) {
      number(octets, whole, 7, 0x80);
      continue;
    }
    const known = NAMES.get(name);
    number(octets, known ?? 0, 4, 0);
    if (known === undefined) text(octets, name);
    text(octets, value);
  }
  return Buffer.from(octets);
}

function number(octets: number[], value: number, prefixBits: number, pattern: number): void {
  const most = 2 ** prefixBits - 1;
  if (value < most) {
    octets.push(pattern | value);
    return;
  }
  octets.push(pattern | most);
  let rest = value - most;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push(0x80 | (rest % 0x80));
  octets.push(rest);
}

function text(octets: number[], value: string): void {
  number(octets, value.length, 7, 0);
  for (let index = 0; index < value.length; index++) octets.push(value.charCodeAt(index) & 0xff);
}
