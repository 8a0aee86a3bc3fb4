import { TollgateError } from "../../domain/errors.js";
import { possibleCreators } from "../../domain/fees.js";
import type { Generation } from "../../domain/generation/generation.js";
import { planSettlement, type Settlement } from "../../domain/generation/settlement.js";
import type { Hold, TransactionWithEntries } from "../../domain/ledger/rows.js";
import { MAX_OPERATION_USD_MICROS } from "../../domain/money.js";
import type { WorkingSet } from "../working-set.js";

export type Settled =
  | { readonly kind: "settled"; readonly posted: TransactionWithEntries }
  | Extract<Settlement, { kind: "short" }>;

/** Who a settlement is for: the first of `payers` that has the money pays. */
export interface SettlementOrder {
  readonly transactionId: string;
  readonly caller: string;
  /** "" where the method has none. */
  readonly requestId: string;
  readonly payers: readonly string[];
}

/**
 * Pays for a finished generation and releases it: the transaction, the rewards, the state and the event, all in this working set and so in one commit. Money comes from the
 * generation's hold first, then from what is available (rules 4.3). Only if somebody can pay; else nothing changes but the answer.
 * @param generation a copy that this may change and put into the set
 * @throws TollgateError AMOUNT_OUT_OF_RANGE
 */
export function settle(
  set: WorkingSet,
  generation: Generation,
  baseUsdMicros: bigint,
  order: SettlementOrder,
): Settled {
  const hold = activeHoldOf(set, generation);
  const available = (accountId: string) =>
    set.books.available(accountId) + (hold?.accountId === accountId ? hold.amountUsdMicros : 0n);
  const plan = planSettlement(generation, baseUsdMicros, order.payers, available);
  if (plan.kind === "short") return plan;
  requireWithinLimit(plan.totalUsdMicros);
  const posted = set.books.post({
    transactionId: order.transactionId,
    type: "GENERATION_SETTLEMENT",
    toolId: generation.toolId,
    generationId: generation.generationId,
    rewardPolicyId: generation.rewardPolicy.policyId,
    caller: order.caller,
    requestId: order.requestId,
    lines: plan.lines,
  });
  if (hold) endHoldWith(set, hold, hold.accountId === plan.chargedAccountId ? plan.totalUsdMicros : 0n);
  plan.fee.shares.forEach((share, position) => {
    set.addReward({
      transactionId: order.transactionId,
      position,
      ...share,
      generationId: generation.generationId,
      userAccountId: generation.accountId,
      refundedUsdMicros: 0n,
      clawedBackUsdMicros: 0n,
      createTime: set.now,
    });
  });
  generation.baseCostUsdMicros = baseUsdMicros;
  generation.feeUsdMicros = plan.fee.feeUsdMicros;
  generation.chargedAccountId = plan.chargedAccountId;
  generation.transactionId = order.transactionId;
  release(set, generation);
  return { kind: "settled", posted };
}

/** COMPLETED, with its event: from here on the outputs may leave. */
export function release(set: WorkingSet, generation: Generation): void {
  generation.state = "COMPLETED";
  generation.stateReason = "";
  generation.updateTime = set.now;
  set.changeGeneration(generation);
  set.addEvent({
    generationId: generation.generationId,
    eventKey: "COMPLETED",
    type: "COMPLETED",
    details: {},
    createTime: set.now,
  });
}

/** Lets go of what was set aside for a generation that ends without being paid from it. */
export function releaseHoldOf(set: WorkingSet, generation: Generation): void {
  const hold = activeHoldOf(set, generation);
  if (hold) set.books.endHold(hold, "RELEASED");
}

/** @throws TollgateError AMOUNT_OUT_OF_RANGE */
export function requireWithinLimit(amountUsdMicros: bigint): void {
  if (amountUsdMicros <= MAX_OPERATION_USD_MICROS) return;
  throw TollgateError.of("AMOUNT_OUT_OF_RANGE", {
    amount_usd_micros: amountUsdMicros,
    limit_usd_micros: MAX_OPERATION_USD_MICROS,
  });
}

/** Accounts that settling a generation may touch. Its hold is in one of the payers'. */
export function accountsToSettle(generation: Generation, payers: readonly string[]): string[] {
  return [...payers, "sys:revenue", ...possibleCreators(generation.attribution)];
}

function activeHoldOf(set: WorkingSet, generation: Generation): Hold | undefined {
  const hold = generation.holdId === "" ? undefined : set.books.hold(generation.holdId);
  return hold?.state === "ACTIVE" ? hold : undefined;
}

/** @param paidUsdMicros what its account paid; 0 if another one did */
function endHoldWith(set: WorkingSet, hold: Hold, paidUsdMicros: bigint): void {
  const captured = paidUsdMicros < hold.amountUsdMicros ? paidUsdMicros : hold.amountUsdMicros;
  set.books.endHold(hold, paidUsdMicros === 0n ? "RELEASED" : "CAPTURED", captured);
}
