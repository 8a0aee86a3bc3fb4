import type { EpochMicros } from "../time.js";
import { digestOfDetails } from "./chain.js";
import type { NewGrant } from "./grant-book.js";
import type { GrantMovement, TransactionRow, TransactionType } from "./rows.js";

/** One side of a transaction to post. */
export interface Line {
  /** Plain name, also for platform accounts: the books pick the stripe. At most one line an account. */
  readonly accountId: string;
  /** Signed, not 0: negative takes money out. */
  readonly amountUsdMicros: bigint;
  /**
   * Which grants it moves. Left out, money leaves in burn order and arrives in the account's rolling grant.
   * `opens`: it arrives as a grant of its own; `takes`: it leaves exactly these; `restores`: it goes back into these.
   */
  readonly grants?:
    | { readonly kind: "opens"; readonly grant: NewGrant }
    | { readonly kind: "takes" | "restores"; readonly movements: readonly GrantMovement[] };
}

/** A transaction to post; its lines sum to zero. */
export interface Draft {
  readonly transactionId: string;
  readonly type: TransactionType;
  readonly toolId?: string;
  readonly generationId?: string;
  readonly externalReference?: string;
  readonly refundOfTransactionId?: string;
  readonly rewardPolicyId?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly caller: string;
  readonly requestId?: string;
  readonly lines: readonly Line[];
}

const NO_LABELS: Readonly<Record<string, string>> = {};

/** The row of a transaction, with what its draft leaves out. */
export function transactionOf(draft: Draft, now: EpochMicros): TransactionRow {
  const { description = "", metadata = NO_LABELS } = draft;
  return {
    transactionId: draft.transactionId,
    type: draft.type,
    toolId: draft.toolId ?? "",
    generationId: draft.generationId ?? "",
    externalReference: draft.externalReference ?? "",
    refundOfTransactionId: draft.refundOfTransactionId ?? "",
    rewardPolicyId: draft.rewardPolicyId ?? "",
    description,
    metadata,
    detailsDigest: digestOfDetails(description, metadata),
    caller: draft.caller,
    requestId: draft.requestId ?? "",
    refundedUsdMicros: 0n,
    createTime: now,
  };
}
