import { insufficientFunds, TollgateError } from "../../domain/errors.js";
import type { Generation } from "../../domain/generation/generation.js";
import { payersOf } from "../../domain/generation/settlement.js";
import type { TransactionWithEntries } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import { accountsToSettle, settle } from "./settle.js";

export interface RetryPaymentInput {
  readonly request: IdempotentRequest;
  readonly transactionId: string;
  readonly generationId: string;
  /** "" means the generation's payer, then its fallback. */
  readonly payerAccountId: string;
}

export interface PaidGeneration {
  readonly generation: Generation;
  readonly posted: TransactionWithEntries;
}

/**
 * Settles a PAYMENT_FAILED generation at the base fixed when it ended (rules 3.3).
 * Refuses with GENERATION_NOT_FOUND, GENERATION_NOT_PAYABLE, COST_UNDETERMINED, INSUFFICIENT_FUNDS; then nothing has changed.
 */
export function retryPayment(input: RetryPaymentInput): Command<Idempotent<PaidGeneration>> {
  const ref = { generationId: input.generationId, runId: "" };
  const payers = (generation: Generation) =>
    input.payerAccountId === "" ? payersOf(generation) : [input.payerAccountId];
  return {
    name: "RetryPayment",
    requests: [input.request],
    generations: [ref],
    accounts({ generations }) {
      const generation = generations.find(ref);
      return generation ? accountsToSettle(generation, payers(generation)) : [];
    },
    apply(set) {
      const before = recorded(set, input.request, input.transactionId);
      if (before) return before;
      const generation = { ...set.generation(ref) };
      const baseUsdMicros = requirePayable(generation);
      const settled = settle(set, generation, baseUsdMicros, {
        transactionId: input.transactionId,
        caller: input.request.caller,
        requestId: input.request.requestId,
        payers: payers(generation),
      });
      if (settled.kind === "short") {
        throw insufficientFunds(settled.accountId, settled.availableUsdMicros, settled.requiredUsdMicros);
      }
      set.record(input.request, "TRANSACTION", input.transactionId);
      return { kind: "done", generation, posted: settled.posted };
    },
  };
}

function requirePayable(generation: Generation): bigint {
  if (generation.state !== "PAYMENT_FAILED") {
    throw TollgateError.of("GENERATION_NOT_PAYABLE", {
      generation_id: generation.generationId,
      state: generation.state,
    });
  }
  if (generation.baseCostUsdMicros === null) {
    throw TollgateError.of("COST_UNDETERMINED", { generation_id: generation.generationId });
  }
  return generation.baseCostUsdMicros;
}
