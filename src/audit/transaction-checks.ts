import { isPlatformAccount, type PlatformAccountId, publicAccountId } from "../domain/accounts.js";
import { digestOfDetails } from "../domain/ledger/chain.js";
import type { TransactionType } from "../domain/ledger/rows.js";
import type { AuditedRequest, RewardFound, TransactionToCheck } from "../storage/audit-store.js";
import { checkRefunds } from "./refund-checks.js";
import { checkRewardRollup } from "./rollup-checks.js";
import { type Finding, finding } from "./violations.js";

/** Smallest number of entries with which money can move. */
const LEAST_ENTRIES = 2;

/** Platform accounts that a type of transaction takes money from and gives money to (rules 8). */
const PLATFORM_SIDE: Readonly<
  Record<TransactionType, { readonly from?: readonly PlatformAccountId[]; readonly to?: readonly PlatformAccountId[] }>
> = {
  CREDIT: { from: ["sys:deposits", "sys:promotions", "sys:adjustments"] },
  DEBIT: { to: ["sys:revenue"] },
  HOLD_CAPTURE: { to: ["sys:revenue"] },
  GENERATION_SETTLEMENT: { to: ["sys:revenue"] },
  TRANSFER: {},
  REFUND: { from: ["sys:revenue", "sys:clawback_loss"] },
  GRANT_EXPIRY: { to: ["sys:breakage"] },
  LEGACY_IMPORT: { from: ["sys:legacy"] },
};

/** Checks what holds for every transaction, whatever its type, and what refunds have to do with it (rules 8.1, 8.5, 8.6, 8.7). */
export function* checkTransaction(audited: TransactionToCheck): Generator<Finding> {
  const { transaction, postings, recorded } = audited;
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
  yield* checkPlatformSide(audited);
  yield* checkRefunds(audited);
}

function* checkPlatformSide({ transaction, postings }: TransactionToCheck): Generator<Finding> {
  const { from = [], to = [] } = PLATFORM_SIDE[transaction.type] ?? {};
  const stray = postings.find(({ accountId, amountUsdMicros }) => {
    if (!isPlatformAccount(accountId)) return false;
    const allowed: readonly string[] = amountUsdMicros < 0n ? from : to;
    return !allowed.includes(publicAccountId(accountId));
  });
  if (!stray) return;
  const detail = `is a ${transaction.type} that moves ${stray.amountUsdMicros} of ${stray.accountId}`;
  yield finding("platform-side-of-type", `transaction ${transaction.transactionId}`, detail);
}

/** Checks that a request's effect is there (rules 8.6). */
export function* checkRequest(request: AuditedRequest): Generator<Finding> {
  if (request.hasEffect) return;
  const row = `request ${request.requestId} of ${request.caller}`;
  const named = `${request.resourceKind.toLowerCase()} ${request.resourceId}`;
  yield finding("request-has-effect", row, `names ${named}, which doesn't exist or has another request key`);
}

/** Checks that a reward isn't left over from a transaction that is gone (rules 8.5), and that its creator's earnings count it. */
export function* checkReward(reward: RewardFound): Generator<Finding> {
  yield* checkRewardRollup(reward);
  if (reward.hasTransaction) return;
  const row = `transaction ${reward.transactionId} reward ${reward.position}`;
  yield finding("reward-has-settlement", row, "its transaction doesn't exist");
}
