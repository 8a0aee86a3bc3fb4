import { hash } from "node:crypto";

/** @returns 32 bytes. By way of a text of a byte a character: hash() takes half as long again to make a buffer by itself. */
export function sha256(bytes: Uint8Array | string): Uint8Array {
  return Buffer.from(hash("sha256", bytes, "binary"), "binary");
}
