import type { EpochMicros } from "../time.js";
import {
  type Generation,
  type GenerationState,
  isFinal,
  mergeOutputs,
  type Outcome,
  type Output,
  type StateReason,
} from "./generation.js";

/*
 * The life of a generation:
 *
 *   PENDING ──running/uploading seen──▶ RUNNING
 *   PENDING, RUNNING ──success, paid or free────────────▶ COMPLETED
 *                    ──success, nobody can pay──────────▶ PAYMENT_FAILED (INSUFFICIENT_FUNDS) ──RetryPayment──▶ COMPLETED
 *                    ──success, cost unknown────────────▶ PAYMENT_FAILED (COST_UNDETERMINED) ──a success that says the cost──▶ as a success
 *                    ──failure, time-out────────────────▶ FAILED (RUN_FAILED, TIMED_OUT)
 *                    ──cancelled────────────────────────▶ CANCELLED
 *                    ──nothing final for days───────────▶ FAILED (ABANDONED)
 *
 * COMPLETED, FAILED and CANCELLED never change again, and PAYMENT_FAILED → COMPLETED is the only way out of a final state.
 */

/** What providers say before a run ends. The first three leave a generation PENDING. */
export const RUN_STATUSES = ["not-started", "queued", "started", "running", "uploading"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export interface ProgressReport {
  readonly status?: RunStatus | undefined;
  readonly progress?: number | undefined;
  readonly liveStatus: string;
  readonly outputs: readonly Output[];
  readonly observeTime?: EpochMicros | undefined;
}

/** Takes in what a run is doing. Does nothing to a final generation: a late report never lengthens a run or adds an output. */
export function observeProgress(generation: Generation, report: ProgressReport, now: EpochMicros): void {
  if (isFinal(generation.state)) return;
  const observedAt = report.observeTime ?? now;
  if (report.status === "running") observeStart(generation, "RUNNING", observedAt);
  if (report.status === "uploading") observeStart(generation, "UPLOADING", observedAt);
  if (report.status === "running" || report.status === "uploading") generation.state = "RUNNING";
  if (report.progress !== undefined) generation.progress = report.progress;
  if (report.liveStatus !== "") generation.liveStatus = report.liveStatus;
  generation.outputs = mergeOutputs(generation.outputs, report.outputs);
  generation.updateTime = now;
}

/** Start = first observed RUNNING, or UPLOADING if there was none; the first observation stands (rules 3.6). */
export function observeStart(generation: Generation, source: "RUNNING" | "UPLOADING", observedAt: EpochMicros): void {
  if (generation.startSource === "RUNNING" || generation.startSource === source) return;
  generation.startSource = source;
  generation.startTime = observedAt;
}

/** Recorded length of the run in microseconds, 0 if it ends before it starts; undefined while either end is unknown. */
export function recordedDuration(generation: Generation): bigint | undefined {
  const { startTime, endTime } = generation;
  if (startTime === null || endTime === null) return undefined;
  return endTime > startTime ? endTime - startTime : 0n;
}

/** Where a generation ends that costs nothing, and why. */
export interface FailedState {
  readonly state: GenerationState & ("FAILED" | "CANCELLED");
  readonly reason: StateReason;
}

/** Where an unsuccessful run ends. */
export function failedState(outcome: Exclude<Outcome, "SUCCEEDED">): FailedState {
  switch (outcome) {
    case "FAILED":
      return { state: "FAILED", reason: "RUN_FAILED" };
    case "TIMED_OUT":
      return { state: "FAILED", reason: "TIMED_OUT" };
    case "CANCELLED":
      return { state: "CANCELLED", reason: "" };
  }
}

/**
 * Whether a completion contradicts the recorded one (rules 3.7): success after failure or the reverse, or an explicit final cost
 * other than the recorded one. Differing durations never conflict; FAILED, TIMED_OUT and CANCELLED are one kind.
 */
export function contradicts(generation: Generation, outcome: Outcome, finalCostUsdMicros: bigint | undefined): boolean {
  if ((generation.outcome === "SUCCEEDED") !== (outcome === "SUCCEEDED")) return true;
  if (outcome !== "SUCCEEDED" || finalCostUsdMicros === undefined || generation.pricing.unit === "FREE") return false;
  return generation.baseCostUsdMicros !== null && generation.baseCostUsdMicros !== finalCostUsdMicros;
}
