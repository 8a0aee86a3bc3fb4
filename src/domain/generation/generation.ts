import type { Attribution, RewardPolicy } from "../fees.js";
import type { Pricing } from "../pricing.js";
import type { EpochMicros } from "../time.js";

export type GenerationState = "PENDING" | "RUNNING" | "COMPLETED" | "PAYMENT_FAILED" | "FAILED" | "CANCELLED";

export type Outcome = "SUCCEEDED" | "FAILED" | "CANCELLED" | "TIMED_OUT";

export type OutputType = "IMAGE" | "VIDEO" | "AUDIO" | "MODEL" | "TEXT" | "FILE";

/** Why a generation is PAYMENT_FAILED or FAILED; "" otherwise. */
export type StateReason = "" | "INSUFFICIENT_FUNDS" | "COST_UNDETERMINED" | "RUN_FAILED" | "TIMED_OUT" | "ABANDONED";

/** Which observation the start time comes from: a RUNNING one stands, an UPLOADING one gives way to it (rules 3.6). */
export type StartSource = "" | "UPLOADING" | "RUNNING";

export interface Output {
  readonly url: string;
  readonly type: OutputType;
  readonly filename: string;
  readonly nodeId: string;
  readonly text: string;
}

export interface Notification {
  readonly platform: string;
  readonly target: string;
}

/** Most outputs that a generation keeps; what comes after is left out. */
export const MAX_OUTPUTS = 1_000;

/** Most conflicting completions that are recorded of one generation. */
export const MAX_CONFLICTS = 20;

/** A job from its creation to its paid-for outputs. Texts are "" where there is nothing to say. */
export interface Generation {
  readonly generationId: string;
  readonly accountId: string;
  readonly payerAccountId: string;
  readonly fallbackPayerAccountId: string;
  readonly toolId: string;
  readonly provider: string;
  /** Snapshots taken at creation: a later change of the tool or the policy doesn't reach this generation. */
  readonly pricing: Pricing;
  readonly attribution: Attribution;
  readonly rewardPolicy: RewardPolicy;
  readonly castId: string;
  readonly stepIndex: number;
  readonly notification: Notification;
  readonly metadata: Readonly<Record<string, string>>;
  /** Money set aside for it until it is final; "" if none. */
  readonly holdId: string;
  readonly createTime: EpochMicros;

  runId: string;
  state: GenerationState;
  stateReason: StateReason;
  /** 0-1, as reported: the one number here that is not exact. */
  progress: number;
  liveStatus: string;
  outputs: readonly Output[];
  startTime: EpochMicros | null;
  startSource: StartSource;
  endTime: EpochMicros | null;
  /** How the run ended; null while it hasn't. */
  outcome: Outcome | null;
  /** Fixed once, when the run ended or its cost became known. */
  baseCostUsdMicros: bigint | null;
  feeUsdMicros: bigint;
  /** What the payer had when nobody could pay; null if that never happened. */
  payerAvailableUsdMicros: bigint | null;
  chargedAccountId: string;
  transactionId: string;
  /** The command that made it final, so that a batch tried again knows its own work. */
  finalizedBy: string;
  /** Keys of the conflicting completions recorded so far, at most MAX_CONFLICTS. */
  conflicts: readonly string[];
  errorMessage: string;
  updateTime: EpochMicros;
}

/** What a tool asks of the payer before a generation begins (rules 4.4). */
export type FundsPolicy = "NONE" | "CHECK_BALANCE" | "REQUIRE_HOLD";

/** How much a run is expected to use, where its price needs to know. */
export interface Estimate {
  readonly runDurationMicros: bigint | null;
  readonly quantity: bigint | null;
}

/** A tool's registration. */
export interface Tool {
  readonly toolId: string;
  readonly displayName: string;
  readonly provider: string;
  readonly pricing: Pricing;
  readonly fundsPolicy: FundsPolicy;
  /** For generations that give none. */
  readonly defaultEstimate: Estimate;
  readonly archived: boolean;
  readonly updateTime: EpochMicros;
}

export type GenerationEventType = "COMPLETED" | "PAYMENT_FAILED" | "FAILED" | "CANCELLED" | "CONFLICTING_COMPLETION";

/** Something that happened to a generation, written in the transaction that made it happen. */
export interface GenerationEvent {
  readonly generationId: string;
  /** Tells apart the events of one generation. Its state and its conflicts, under its lock, say which it has had: none happens twice. */
  readonly eventKey: string;
  readonly type: GenerationEventType;
  /** Amounts as decimal strings: what a watcher is told beside the generation itself. */
  readonly details: Readonly<Record<string, string>>;
  readonly createTime: EpochMicros;
}

export function isFinal(state: GenerationState): boolean {
  return state !== "PENDING" && state !== "RUNNING";
}

/** The outputs that may leave the system: none unless COMPLETED (rules 3.9). Every way out goes through here. */
export function releasedOutputs(generation: Generation): readonly Output[] {
  return generation.state === "COMPLETED" ? generation.outputs : [];
}

/** Adds outputs to those kept: one with a known URL replaces it, one without a URL is told apart by node, name and text. */
export function mergeOutputs(kept: readonly Output[], reported: readonly Output[]): readonly Output[] {
  if (reported.length === 0) return kept;
  const merged = new Map(kept.map((output) => [outputKey(output), output]));
  for (const output of reported) {
    const key = outputKey(output);
    if (merged.has(key) || merged.size < MAX_OUTPUTS) merged.set(key, output);
  }
  return [...merged.values()];
}

function outputKey(output: Output): string {
  return JSON.stringify(output.url !== "" ? [output.url] : ["", output.nodeId, output.filename, output.text]);
}
