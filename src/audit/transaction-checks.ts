import { digestOfDetails } from "../domain/ledger/chain.js";
import type { AuditedRequest, RewardToCheck, TransactionToCheck } from "../storage/store.js";
import { type Finding, finding } from "./violations.js";

/** Smallest number of entries with which money can move. */
const LEAST_ENTRIES = 2;

/** Checks what holds for every transaction, whatever its type (rules 8.1, 8.6, 8.7). */
export function* checkTransaction({ transaction, postings, recorded }: TransactionToCheck): Generator<Finding> {
  const row = `transaction ${transaction.transactionId}`;
  if (postings.length < LEAST_ENTRIES) {
    yield finding("two-entries-at-least", row, `number of entries: ${postings.length}`);
  }
  const sumUsdMicros = postings.reduce((sum, posting) => sum + posting.amountUsdMicros, 0n);
  if (sumUsdMicros !== 0n) yield finding("entries-sum-to-zero", row, `its entries sum to ${sumUsdMicros}`);
  const digest = digestOfDetails(transaction.description, transaction.metadata);
  if (Buffer.compare(transaction.detailsDigest, digest) !== 0) {
    yield finding("details-digest", row, "its digest isn't that of its description and metadata");
  }
  const isRecorded = recorded?.resourceKind === "TRANSACTION" && recorded.resourceId === transaction.transactionId;
  if (transaction.requestId !== "" && !isRecorded) {
    const found = recorded ? `names ${recorded.resourceKind.toLowerCase()} ${recorded.resourceId}` : "is missing";
    yield finding("request-is-recorded", row, `the record of its request ${transaction.requestId} ${found}`);
  }
}

/** Checks that a request's effect is there (rules 8.6). */
export function* checkRequest(request: AuditedRequest): Generator<Finding> {
  if (request.hasEffect) return;
  const row = `request ${request.requestId} of ${request.caller}`;
  const named = `${request.resourceKind.toLowerCase()} ${request.resourceId}`;
  yield finding("request-has-effect", row, `names ${named}, which doesn't exist or has another request key`);
}

/** Checks that a reward isn't left over from a transaction that is gone (rules 8.5). */
export function* checkReward(reward: RewardToCheck & { readonly hasTransaction: boolean }): Generator<Finding> {
  if (reward.hasTransaction) return;
  const row = `transaction ${reward.transactionId} reward ${reward.position}`;
  yield finding("reward-has-settlement", row, "its transaction doesn't exist");
}
