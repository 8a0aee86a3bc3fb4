import type { Generation } from "../../domain/generation/generation.js";
import type { Command } from "../command.js";
import { runIdAfter } from "./run.js";

/** Says which run of the provider a generation is. Refuses with GENERATION_NOT_FOUND, RUN_ALREADY_ATTACHED, RUN_ID_IN_USE. */
export function attachRun(input: { readonly generationId: string; readonly runId: string }): Command<Generation> {
  return {
    name: "AttachRun",
    generations: [
      { generationId: input.generationId, runId: "" },
      { generationId: "", runId: input.runId },
    ],
    accounts: () => [],
    apply(set) {
      const generation = set.generation({ generationId: input.generationId, runId: "" });
      const runId = runIdAfter(set, generation, input.runId);
      if (runId === generation.runId) return generation;
      const attached = { ...generation, runId, updateTime: set.now };
      set.changeGeneration(attached);
      return attached;
    },
  };
}
