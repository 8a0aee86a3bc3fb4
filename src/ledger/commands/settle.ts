import { TollgateError } from "../../domain/errors.js";
import { possibleCreators } from "../../domain/fees.js";
import type { Generation } from "../../domain/generation/generation.js";
import { planSettlement, type Settlement } from "../../domain/generation/settlement.js";
import type { TransactionWithEntries } from "../../domain/ledger/rows.js";
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
 * Pays for a finished generation and releases it: the transaction, the rewards, the state and the event, all in this working set and so in one commit.
 * Only if somebody can pay; else nothing changes but the answer.
 * @param generation a copy that this may change and put into the set
 * @throws TollgateError AMOUNT_OUT_OF_RANGE
 */
export function settle(
  set: WorkingSet,
  generation: Generation,
  baseUsdMicros: bigint,
  order: SettlementOrder,
): Settled {
  const plan = planSettlement(generation, baseUsdMicros, order.payers, (accountId) => set.books.available(accountId));
  if (plan.kind === "short") return plan;
  requireWithinLimit(baseUsdMicros + plan.fee.feeUsdMicros);
  const posted = set.books.post({
    transactionId: order.transactionId,
    type: "GENERATION_SETTLEMENT",
    toolId: generation.toolId,
    generationId: generation.generationId,
    caller: order.caller,
    requestId: order.requestId,
    lines: plan.lines,
  });
  plan.fee.shares.forEach((share, position) => {
    set.addReward({
      transactionId: order.transactionId,
      position,
      ...share,
      generationId: generation.generationId,
      userAccountId: generation.accountId,
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

/** @throws TollgateError AMOUNT_OUT_OF_RANGE */
export function requireWithinLimit(amountUsdMicros: bigint): void {
  if (amountUsdMicros <= MAX_OPERATION_USD_MICROS) return;
  throw TollgateError.of("AMOUNT_OUT_OF_RANGE", {
    amount_usd_micros: amountUsdMicros,
    limit_usd_micros: MAX_OPERATION_USD_MICROS,
  });
}

/** Accounts that settling a generation may touch. */
export function accountsToSettle(generation: Generation, payers: readonly string[]): string[] {
  return [...payers, "sys:revenue", ...possibleCreators(generation.attribution)];
}
