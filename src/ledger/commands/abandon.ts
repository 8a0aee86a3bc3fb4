import { isFinal } from "../../domain/generation/generation.js";
import { payersOf } from "../../domain/generation/settlement.js";
import type { Command } from "../command.js";
import { fail } from "./fail.js";

export interface AbandonInput {
  readonly generationId: string;
  /** Names this command. */
  readonly commandId: string;
  /** How long a generation may stay PENDING or RUNNING. */
  readonly afterMicros: bigint;
}

/**
 * Gives up a generation that has been PENDING or RUNNING for too long: FAILED as ABANDONED, with its hold released (rules 3.10). One that has ended meanwhile, or isn't old
 * enough by the store's clock, is left as it is.
 * @returns whether it was given up now
 */
export function abandon({ generationId, commandId, afterMicros }: AbandonInput): Command<boolean> {
  const ref = { generationId, runId: "" };
  return {
    name: "Abandon",
    generations: [ref],
    accounts({ generations }) {
      const generation = generations.find(ref);
      return generation && generation.holdId !== "" ? payersOf(generation) : [];
    },
    apply(set) {
      const known = set.generation(ref);
      if (isFinal(known.state)) return known.finalizedBy === commandId;
      if (set.now - known.createTime < afterMicros) return false;
      fail(set, { ...known, finalizedBy: commandId }, { state: "FAILED", reason: "ABANDONED" });
      return true;
    },
  };
}
