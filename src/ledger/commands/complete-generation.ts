import { TollgateError } from "../../domain/errors.js";
import {
  type Generation,
  isFinal,
  mergeOutputs,
  type Outcome,
  type Output,
} from "../../domain/generation/generation.js";
import { contradicts, failedState, observeStart, recordedDuration } from "../../domain/generation/lifecycle.js";
import { type PaymentFailure, payersOf, paymentFailureOf } from "../../domain/generation/settlement.js";
import type { TransactionWithEntries } from "../../domain/ledger/rows.js";
import { baseCost, type Usage } from "../../domain/pricing.js";
import type { EpochMicros } from "../../domain/time.js";
import type { GenerationRef } from "../../storage/store.js";
import type { Command } from "../command.js";
import type { WorkingSet } from "../working-set.js";
import { fail } from "./fail.js";
import { observedAt } from "./observed-time.js";
import { generationsNamedBy } from "./report-progress.js";
import { runIdAfter } from "./run.js";
import { accountsToSettle, release, releaseHoldOf, requireWithinLimit, settle } from "./settle.js";

export interface CompleteGenerationInput {
  readonly ref: GenerationRef;
  readonly caller: string;
  /** Id of the settlement, should there be one; it also names this command. */
  readonly transactionId: string;
  readonly outcome: Outcome;
  readonly usage: Usage;
  readonly outputs: readonly Output[];
  readonly errorMessage: string;
  readonly startTime: EpochMicros | undefined;
  readonly endTime: EpochMicros | undefined;
}

export interface CompletedGeneration {
  readonly generation: Generation;
  /** The settlement, if this command made one; an earlier one is named by the generation. */
  readonly posted: TransactionWithEntries | undefined;
  readonly alreadyFinal: boolean;
}

/**
 * Ends a generation: prices, pays and releases a success, or withholds it as PAYMENT_FAILED (rules 3).
 * Refuses with GENERATION_NOT_FOUND, RUN_ALREADY_ATTACHED, RUN_ID_IN_USE, AMOUNT_OUT_OF_RANGE, GENERATION_ALREADY_FINAL; the last one records the conflict.
 */
export function completeGeneration(input: CompleteGenerationInput): Command<CompletedGeneration> {
  return {
    name: "CompleteGeneration",
    generations: generationsNamedBy(input.ref),
    accounts({ generations }) {
      const generation = generations.find(input.ref);
      if (!generation) return [];
      const payers = payersOf(generation);
      if (input.outcome === "SUCCEEDED") return accountsToSettle(generation, payers);
      return generation.holdId === "" ? [] : payers;
    },
    apply(set) {
      const times = observedTimes(input, set.now);
      const known = set.generation(input.ref);
      const generation = { ...known, runId: runIdAfter(set, known, input.ref.runId) };
      const ended = observeEnd(generation, input, times, set.now);
      const base = input.outcome === "SUCCEEDED" ? costOf(ended, input.usage) : undefined;
      const saysTheMissingCost = known.stateReason === "COST_UNDETERMINED" && base !== undefined;
      if (isFinal(known.state) && !saysTheMissingCost) return answerAgain(set, generation, input);
      if (input.outcome !== "SUCCEEDED") {
        fail(set, ended, failedState(input.outcome));
        return { generation: ended, posted: undefined, alreadyFinal: false };
      }
      if (base === undefined) return withhold(set, ended, "COST_UNDETERMINED");
      return charge(set, ended, base, input);
    },
  };
}

interface ObservedTimes {
  readonly startTime: EpochMicros | undefined;
  readonly endTime: EpochMicros | undefined;
}

/** @throws TollgateError INVALID_FIELDS for times to come */
function observedTimes(input: CompleteGenerationInput, now: EpochMicros): ObservedTimes {
  return {
    startTime: observedAt(input.startTime, "start_time", now),
    endTime: observedAt(input.endTime, "end_time", now),
  };
}

/** A copy of the generation with what the completion says; what was observed first stands (rules 3.6). */
function observeEnd(
  generation: Generation,
  input: CompleteGenerationInput,
  { startTime, endTime }: ObservedTimes,
  now: EpochMicros,
): Generation {
  const ended: Generation = {
    ...generation,
    endTime: generation.endTime ?? endTime ?? now,
    outcome: input.outcome,
    outputs: mergeOutputs(generation.outputs, input.outputs),
    errorMessage: input.errorMessage,
    finalizedBy: input.transactionId,
    progress: input.outcome === "SUCCEEDED" ? 1 : generation.progress,
    updateTime: now,
  };
  if (startTime !== undefined) observeStart(ended, "RUNNING", startTime);
  return ended;
}

/** Cost from, in order: the final cost given; the duration or quantity given; recorded start and end (rules 3.5). */
function costOf(ended: Generation, usage: Usage): bigint | undefined {
  return baseCost(ended.pricing, {
    ...usage,
    runDurationMicros: usage.runDurationMicros ?? recordedDuration(ended),
  });
}

function charge(
  set: WorkingSet,
  generation: Generation,
  baseUsdMicros: bigint,
  input: CompleteGenerationInput,
): CompletedGeneration {
  requireWithinLimit(baseUsdMicros);
  generation.baseCostUsdMicros = baseUsdMicros;
  if (baseUsdMicros === 0n) {
    releaseHoldOf(set, generation);
    release(set, generation);
    return { generation, posted: undefined, alreadyFinal: false };
  }
  const { caller, transactionId } = input;
  const order = { transactionId, caller, requestId: "", payers: payersOf(generation) };
  const settled = settle(set, generation, baseUsdMicros, order);
  if (settled.kind === "settled") return { generation, posted: settled.posted, alreadyFinal: false };
  generation.payerAvailableUsdMicros = settled.availableUsdMicros;
  return withhold(set, generation, "INSUFFICIENT_FUNDS");
}

/** Nobody can pay, or nobody knows what: no entry, the outputs stay, and an event says what is missing (rules 3.2, 3.5). */
function withhold(set: WorkingSet, generation: Generation, reason: PaymentFailure["reason"]): CompletedGeneration {
  releaseHoldOf(set, generation);
  generation.state = "PAYMENT_FAILED";
  generation.stateReason = reason;
  set.changeGeneration(generation);
  set.addEvent({
    generationId: generation.generationId,
    eventKey: `PAYMENT_FAILED:${reason}`,
    type: "PAYMENT_FAILED",
    details: detailsOf(generation),
    createTime: set.now,
  });
  return { generation, posted: undefined, alreadyFinal: false };
}

/** What is missing, as the event says it. */
function detailsOf(generation: Generation): Readonly<Record<string, string>> {
  const failure = paymentFailureOf(generation) as PaymentFailure;
  const { reason, retryMethod } = failure;
  if (reason === "COST_UNDETERMINED") return { reason, retry_method: retryMethod };
  return {
    reason,
    account_id: generation.payerAccountId,
    available_usd_micros: String(failure.availableUsdMicros),
    required_usd_micros: String(failure.requiredUsdMicros),
    shortfall_usd_micros: String(failure.shortfallUsdMicros),
    retry_method: retryMethod,
  };
}

/** A repetition gets the first result; a contradiction changes nothing, is recorded once and refused (rules 3.7). */
function answerAgain(set: WorkingSet, generation: Generation, input: CompleteGenerationInput): CompletedGeneration {
  const { finalCostUsdMicros } = input.usage;
  if (contradicts(generation, input.outcome, finalCostUsdMicros)) {
    const cost = finalCostUsdMicros === undefined ? {} : { final_cost_usd_micros: String(finalCostUsdMicros) };
    const eventKey = ["CONFLICT", input.outcome, ...Object.values(cost)].join(":");
    set.addConflict(set.generation(input.ref), eventKey, { outcome: input.outcome, ...cost });
    throw TollgateError.of("GENERATION_ALREADY_FINAL", {
      generation_id: generation.generationId,
      state: generation.state,
    });
  }
  set.changeGeneration(generation);
  return { generation, posted: undefined, alreadyFinal: generation.finalizedBy !== input.transactionId };
}
