import type { GenerationRef, RequestKey } from "../storage/store.js";
import type { References, WorkingSet } from "./working-set.js";

/** A request with its idempotency key. */
export interface IdempotentRequest extends RequestKey {
  /** SHA-256 over method and request: tells a repetition from another request under the same key. */
  readonly fingerprint: Uint8Array;
}

/**
 * Something that moves money, or a generation towards it. It carries all the ids it may need, so that applying it is a pure function of the
 * working set: no I/O, no clock of its own, no randomness, and a batch that is tried again does the same.
 */
export interface Command<Result> {
  /** Name of the RPC it serves, for the log and the metrics. */
  readonly name: string;
  /** Idempotency keys it may answer from or use up. */
  readonly requests?: readonly IdempotentRequest[];
  readonly externalReferences?: readonly string[];
  readonly generations?: readonly GenerationRef[];
  /** Ids of holds it may end. */
  readonly holds?: readonly string[];
  /** Ids of transactions it may give back. */
  readonly refunds?: readonly string[];
  /** Goes by the reward policy in force. */
  readonly needsRewardPolicy?: boolean;
  /** Must have its batch, and so its database transaction, to itself: refused means that nothing at all is written. */
  readonly isAlone?: boolean;
  /** Plain ids of the accounts it may touch. */
  accounts(references: References): readonly string[];
  /**
   * Does it, or refuses it by throwing a TollgateError before changing anything.
   * @throws TollgateError; MoreGrantsNeeded and NotInBatch for the batch to handle
   */
  apply(set: WorkingSet): Result;
}

/**
 * What an idempotent command answers: `Fresh` if it was done now; else where to read what it did before. `isReplay` is false if that was
 * this very call, whose first attempt committed although its answer was lost.
 */
export type Idempotent<Fresh> =
  | ({ readonly kind: "done" } & Fresh)
  | { readonly kind: "recorded"; readonly resourceId: string; readonly isReplay: boolean };

/** Answers a repeated request, if it is one. @param ownId what this command itself would make */
export function recorded(
  set: WorkingSet,
  request: IdempotentRequest,
  ownId: string,
): { kind: "recorded"; resourceId: string; isReplay: boolean } | undefined {
  const record = set.recordOf(request);
  return record && { kind: "recorded", resourceId: record.resourceId, isReplay: record.resourceId !== ownId };
}
