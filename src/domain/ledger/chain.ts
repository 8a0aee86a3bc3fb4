import { sha256 } from "../sha256.js";
import { MOST_BYTES_PER_UNIT } from "../utf8.js";
import type { ChainedTransaction, EntryRow, GrantMovement } from "./rows.js";

/** What an account's first entry builds on. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

/** Of no description and no labels, which is what most transactions say. */
export const NO_DETAILS: Uint8Array = sha256(lengthPrefixed([""]));

/** What is hashed, kept from one hash to the next. */
let scratch = Buffer.allocUnsafe(4_096);

/** A transaction as the hashes of its entries have it. */
export interface HashedTransaction {
  readonly detailsDigest: Uint8Array;
  /** All else, as text. */
  readonly bytes: Uint8Array;
}

/** To be made once for all entries of a transaction by whoever has them together. */
export function hashedTransaction(transaction: ChainedTransaction): HashedTransaction {
  const fields = [
    transaction.transactionId,
    transaction.type,
    transaction.toolId,
    transaction.generationId,
    transaction.externalReference,
    transaction.refundOfTransactionId,
    transaction.caller,
    transaction.requestId,
    String(transaction.createTime),
  ];
  // Left out where there is none, as in chains from before there were policies.
  if (transaction.rewardPolicyId !== "") fields.push(transaction.rewardPolicyId);
  return { detailsDigest: transaction.detailsDigest, bytes: Buffer.from(lengthPrefixed(fields)) };
}

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
  return entryHashIn(hashedTransaction(transaction), previous, entry);
}

/** The same, of an entry of a transaction that is ready to be hashed. */
export function entryHashIn(
  { detailsDigest, bytes }: HashedTransaction,
  previous: Uint8Array,
  entry: Omit<EntryRow, "hash">,
): Uint8Array {
  const text = lengthPrefixed([
    entry.accountId,
    String(entry.accountVersion),
    String(entry.amountUsdMicros),
    String(entry.balanceAfterUsdMicros),
    String(entry.position),
    textOfMovements(entry.grantMovements),
  ]);
  // Of the lengths that they have, not should have: an audit also hashes what was tampered with.
  const start = previous.length + detailsDigest.length;
  const needed = start + MOST_BYTES_PER_UNIT * text.length + bytes.length;
  if (scratch.length < needed) scratch = Buffer.allocUnsafe(needed);
  scratch.set(previous, 0);
  scratch.set(detailsDigest, previous.length);
  const end = start + scratch.write(text, start);
  scratch.set(bytes, end);
  return sha256(scratch.subarray(0, end + bytes.length));
}

/** "grant,amount,grant,amount" */
export function textOfMovements(movements: readonly GrantMovement[]): string {
  const [only] = movements;
  if (!only) return "";
  return movements.length === 1 ? `${only[0]},${only[1]}` : movements.flat().join(",");
}

/** Stands for the description and the metadata in the chain; the order of the labels doesn't matter. */
export function digestOfDetails(description: string, metadata: Readonly<Record<string, string>>): Uint8Array {
  const labels = Object.entries(metadata);
  if (description === "" && labels.length === 0) return NO_DETAILS;
  labels.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return sha256(lengthPrefixed([description, ...labels.flat()]));
}

/** Not by map and join: each entry of the ledger comes through here. */
function lengthPrefixed(values: readonly string[]): string {
  let text = "";
  for (const value of values) text += `${value.length}:${value}`;
  return text;
}
