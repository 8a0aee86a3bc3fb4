import { hash } from "node:crypto";
import { MOST_BYTES_PER_UNIT, writeUtf8 } from "../utf8.js";
import type { ChainedTransaction, EntryRow } from "./rows.js";

/** What an account's first entry builds on. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

/** Of no description and no labels, which is what most transactions say. */
const NO_DETAILS: Uint8Array = hash("sha256", lengthPrefixed([""]), "buffer");

/** What is hashed, kept from one hash to the next. */
let scratch = Buffer.allocUnsafe(4_096);

/**
 * Hash of an entry (rules 8.7): SHA-256 over the hash of the account's entry before it and everything of this one that lasts.
 * An edited, removed or inserted row shows as a break. Fields are length-prefixed, so no two rows read alike.
 * The counter-accounts are not in it: which stripe took the other side is an accident of timing.
 */
export function entryHash(
  previous: Uint8Array,
  transaction: ChainedTransaction,
  entry: Omit<EntryRow, "hash">,
): Uint8Array {
  const text =
    prefixed(entry.accountId) +
    prefixed(String(entry.accountVersion)) +
    prefixed(String(entry.amountUsdMicros)) +
    prefixed(String(entry.balanceAfterUsdMicros)) +
    prefixed(String(entry.position)) +
    prefixed(entry.grantMovements.flat().join(",")) +
    prefixed(transaction.transactionId) +
    prefixed(transaction.type) +
    prefixed(transaction.toolId) +
    prefixed(transaction.generationId) +
    prefixed(transaction.externalReference) +
    prefixed(transaction.refundOfTransactionId) +
    prefixed(transaction.caller) +
    prefixed(transaction.requestId) +
    prefixed(String(transaction.createTime)) +
    // Left out where there is none, as in chains from before there were policies.
    (transaction.rewardPolicyId === "" ? "" : prefixed(transaction.rewardPolicyId));
  // Of the lengths that they have, not should have: an audit also hashes what was tampered with.
  const start = previous.length + transaction.detailsDigest.length;
  const needed = start + MOST_BYTES_PER_UNIT * text.length;
  if (scratch.length < needed) scratch = Buffer.allocUnsafe(needed);
  scratch.set(previous, 0);
  scratch.set(transaction.detailsDigest, previous.length);
  const length = start + writeUtf8(scratch, text, start);
  return hash("sha256", scratch.subarray(0, length), "buffer");
}

/** Stands for the description and the metadata in the chain; the order of the labels doesn't matter. */
export function digestOfDetails(description: string, metadata: Readonly<Record<string, string>>): Uint8Array {
  const labels = Object.entries(metadata);
  if (description === "" && labels.length === 0) return NO_DETAILS;
  labels.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return hash("sha256", lengthPrefixed([description, ...labels.flat()]), "buffer");
}

function lengthPrefixed(values: readonly string[]): string {
  return values.map(prefixed).join("");
}

function prefixed(text: string): string {
  return `${text.length}:${text}`;
}
