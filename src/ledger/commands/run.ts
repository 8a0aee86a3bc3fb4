import { TollgateError } from "../../domain/errors.js";
import type { Generation } from "../../domain/generation/generation.js";
import type { WorkingSet } from "../working-set.js";

/**
 * The run id a generation has once a caller has named this one: the same, or the one given if it had none. "" names none.
 * @throws TollgateError RUN_ALREADY_ATTACHED if it is another run, RUN_ID_IN_USE if another generation of the provider has it
 */
export function runIdAfter(set: WorkingSet, generation: Generation, runId: string): string {
  if (runId === "" || generation.runId === runId) return generation.runId;
  if (generation.runId !== "") {
    throw TollgateError.of("RUN_ALREADY_ATTACHED", {
      generation_id: generation.generationId,
      run_id: generation.runId,
    });
  }
  requireFreeRun(set, generation.provider, runId);
  return runId;
}

/** @throws TollgateError RUN_ID_IN_USE */
export function requireFreeRun(set: WorkingSet, provider: string, runId: string): void {
  const owner = set.generations.withRun(runId).find((other) => other.provider === provider);
  if (owner) throw TollgateError.of("RUN_ID_IN_USE", { run_id: runId, generation_id: owner.generationId });
}
