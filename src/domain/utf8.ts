/** Bytes of UTF-8 that a UTF-16 unit takes at most: what to have room for before writing a text. */
export const MOST_BYTES_PER_UNIT = 3;

/** Up to here, writing ASCII byte by byte is faster than a call of Buffer's. */
const SHORT_TEXT_UNITS = 40;

/** Writes a text into a buffer that has room for it. @returns the bytes written */
export function writeUtf8(bytes: Buffer, text: string, start: number): number {
  if (text.length > SHORT_TEXT_UNITS) return bytes.write(text, start);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return bytes.write(text, start);
    bytes[start + index] = unit;
  }
  return text.length;
}
