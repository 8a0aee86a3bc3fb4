import type { Generation, GenerationState } from "./generation.js";

/** What counts of one step of a spell run. */
export type CastStep = Pick<Generation, "generationId" | "stepIndex" | "state" | "baseCostUsdMicros" | "feeUsdMicros">;

/** A spell run of several steps, summed up. */
export interface Cast {
  readonly state: GenerationState;
  /** Of the paid steps, like the fee. */
  readonly baseCostUsdMicros: bigint;
  readonly feeUsdMicros: bigint;
  /** Generations by state; states without any are left out. */
  readonly counts: ReadonlyMap<GenerationState, number>;
}

/** What a step does to the cast when steps differ: the first of these that any step is in. A cast whose steps are all PENDING is PENDING. */
const STATES_BY_WEIGHT = ["FAILED", "CANCELLED", "PAYMENT_FAILED", "RUNNING", "PENDING", "COMPLETED"] as const;

/**
 * Sums up a cast. Every paid generation counts for its cost. For its state only the last generation of each step counts, so that a step that failed and was made again
 * doesn't fail the cast; and a cast in which some steps are done and others are still to run is RUNNING.
 * @param steps at least one, by step_index and generation_id
 */
export function summedUp(steps: readonly CastStep[]): Cast {
  const counts = new Map<GenerationState, number>();
  const lastOfStep = new Map<number, GenerationState>();
  let [baseCostUsdMicros, feeUsdMicros] = [0n, 0n];
  for (const step of steps) {
    counts.set(step.state, (counts.get(step.state) ?? 0) + 1);
    lastOfStep.set(step.stepIndex, step.state);
    if (step.state !== "COMPLETED") continue;
    baseCostUsdMicros += step.baseCostUsdMicros ?? 0n;
    feeUsdMicros += step.feeUsdMicros;
  }
  return { state: stateOf(new Set(lastOfStep.values())), baseCostUsdMicros, feeUsdMicros, counts };
}

function stateOf(states: ReadonlySet<GenerationState>): GenerationState {
  const heaviest = STATES_BY_WEIGHT.find((state) => states.has(state)) ?? "PENDING";
  return heaviest === "PENDING" && states.size > 1 ? "RUNNING" : heaviest;
}
