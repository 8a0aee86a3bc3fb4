import { hash } from "node:crypto";
import type { ChainedTransaction, EntryRow } from "./rows.js";

/** What an account's first entry builds on. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

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
  const lasting = [
    entry.accountId,
    entry.accountVersion,
    entry.amountUsdMicros,
    entry.balanceAfterUsdMicros,
    entry.position,
    entry.grantMovements.flat().join(","),
    transaction.transactionId,
    transaction.type,
    transaction.toolId,
    transaction.generationId,
    transaction.externalReference,
    transaction.refundOfTransactionId,
    transaction.caller,
    transaction.requestId,
    transaction.createTime,
    // Left out where there is none, as in chains from before there were policies.
    ...(transaction.rewardPolicyId === "" ? [] : [transaction.rewardPolicyId]),
  ];
  const content = Buffer.from(lengthPrefixed(lasting));
  return hash("sha256", Buffer.concat([previous, transaction.detailsDigest, content]), "buffer");
}

/** Stands for the description and the metadata in the chain; the order of the labels doesn't matter. */
export function digestOfDetails(description: string, metadata: Readonly<Record<string, string>>): Uint8Array {
  const labels = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return hash("sha256", lengthPrefixed([description, ...labels.flat()]), "buffer");
}

function lengthPrefixed(values: readonly (string | number | bigint)[]): string {
  let text = "";
  for (const value of values) {
    const written = String(value);
    text += `${written.length}:${written}`;
  }
  return text;
}
