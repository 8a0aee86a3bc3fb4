import { TollgateError } from "../../domain/errors.js";
import { planRefund, type Refundable, refundable } from "../../domain/ledger/refund.js";
import type { TransactionType } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import type { WorkingSet } from "../working-set.js";
import type { Posted } from "./debit.js";

export interface RefundTransactionInput {
  readonly request: IdempotentRequest;
  /** Of the refund. */
  readonly transactionId: string;
  /** The one to give back. */
  readonly refundedTransactionId: string;
  /** undefined gives back all that is left. */
  readonly amountUsdMicros: bigint | undefined;
  readonly reason: string;
  /** false: `sys:clawback_loss` bears what creators would give back. */
  readonly clawsBackRewards: boolean;
}

const REFUNDABLE_TYPES: readonly TransactionType[] = ["DEBIT", "HOLD_CAPTURE", "GENERATION_SETTLEMENT"];

/** Gives money back, pro rata from revenue and creators (rules 6). Refuses with TRANSACTION_NOT_FOUND, TRANSACTION_NOT_REFUNDABLE, REFUND_EXCEEDS_TRANSACTION. */
export function refundTransaction(input: RefundTransactionInput): Command<Idempotent<Posted>> {
  const { request, transactionId, refundedTransactionId } = input;
  return {
    name: "RefundTransaction",
    requests: [request],
    refunds: [refundedTransactionId],
    accounts: ({ accountsOfTransaction }) => {
      const touched = accountsOfTransaction.get(refundedTransactionId);
      return touched ? [...touched, "sys:revenue", "sys:clawback_loss"] : [];
    },
    apply(set) {
      const before = recorded(set, request, transactionId);
      if (before) return before;
      const original = requireRefundable(set, refundedTransactionId);
      const amountUsdMicros = requireAmount(original, input.amountUsdMicros);
      const available = input.clawsBackRewards ? (accountId: string) => set.books.available(accountId) : () => 0n;
      const plan = planRefund(original, amountUsdMicros, available);
      const posted = set.books.post({
        transactionId,
        type: "REFUND",
        toolId: original.transaction.toolId,
        generationId: original.transaction.generationId,
        refundOfTransactionId: refundedTransactionId,
        description: input.reason,
        caller: request.caller,
        requestId: request.requestId,
        lines: plan.lines,
      });
      original.transaction.refundedUsdMicros += amountUsdMicros;
      set.changeTransaction(original.transaction);
      for (const { reward, refundedUsdMicros, clawedBackUsdMicros } of plan.shares) {
        if (refundedUsdMicros === 0n) continue;
        reward.refundedUsdMicros += refundedUsdMicros;
        reward.clawedBackUsdMicros += clawedBackUsdMicros;
        set.changeReward(reward);
        if (clawedBackUsdMicros > 0n) set.addClawback(reward, transactionId, clawedBackUsdMicros);
      }
      set.record(request, "TRANSACTION", transactionId);
      const [payer] = posted.entries;
      return { kind: "done", posted, account: set.books.snapshot(payer?.accountId as string) };
    },
  };
}

function requireRefundable(set: WorkingSet, transactionId: string): Refundable {
  const original = set.refundable(transactionId);
  if (!original) throw TollgateError.of("TRANSACTION_NOT_FOUND", { transaction_id: transactionId });
  const { type } = original.transaction;
  if (!REFUNDABLE_TYPES.includes(type)) {
    throw TollgateError.of("TRANSACTION_NOT_REFUNDABLE", { transaction_id: transactionId, type });
  }
  return original;
}

function requireAmount(original: Refundable, asked: bigint | undefined): bigint {
  const left = refundable(original);
  const amountUsdMicros = asked ?? left;
  if (amountUsdMicros > left || left === 0n) {
    throw TollgateError.of("REFUND_EXCEEDS_TRANSACTION", {
      transaction_id: original.transaction.transactionId,
      refundable_usd_micros: left,
    });
  }
  return amountUsdMicros;
}
