import { hash } from "node:crypto";
import type { EpochMicros } from "./time.js";

/**
 * A UUIDv7 made from a time and a name instead of chance: for rows that a rule makes by itself, so that replaying the same commands makes the same ids.
 * @param name distinct for each row
 */
export function derivedUuid(time: EpochMicros, name: string): string {
  const milliseconds = (time / 1_000n).toString(16).padStart(12, "0");
  const digest = hash("sha256", name, "hex");
  const variant = ((Number.parseInt(digest.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8, 12)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}
