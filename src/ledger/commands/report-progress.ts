import type { Generation } from "../../domain/generation/generation.js";
import { observeProgress, type ProgressReport } from "../../domain/generation/lifecycle.js";
import type { GenerationRef } from "../../storage/store.js";
import type { Command } from "../command.js";
import { observedAt } from "./observed-time.js";
import { runIdAfter } from "./run.js";

/** Takes in what a run is doing. Refuses with GENERATION_NOT_FOUND, RUN_ALREADY_ATTACHED, RUN_ID_IN_USE. */
export function reportProgress(ref: GenerationRef, report: ProgressReport): Command<Generation> {
  return {
    name: "ReportProgress",
    generations: generationsNamedBy(ref),
    accounts: () => [],
    apply(set) {
      const observeTime = observedAt(report.observeTime, "observe_time", set.now);
      const known = set.generation(ref);
      const generation = { ...known, runId: runIdAfter(set, known, ref.runId) };
      observeProgress(generation, { ...report, observeTime }, set.now);
      set.changeGeneration(generation);
      return generation;
    },
  };
}

/** Both names count: the run may have to be attached, or belong to another generation. */
export function generationsNamedBy(ref: GenerationRef): GenerationRef[] {
  const refs: GenerationRef[] = [];
  if (ref.generationId !== "") refs.push({ generationId: ref.generationId, runId: "" });
  if (ref.runId !== "") refs.push({ generationId: "", runId: ref.runId });
  return refs;
}
