import type { Generation } from "../../domain/generation/generation.js";
import type { FailedState } from "../../domain/generation/lifecycle.js";
import type { WorkingSet } from "../working-set.js";
import { releaseHoldOf } from "./settle.js";

/**
 * Ends a generation that costs nothing: the hold goes back and the event says why (rules 3.8).
 * @param generation a copy that this may change and put into the set
 */
export function fail(set: WorkingSet, generation: Generation, { state, reason }: FailedState): void {
  releaseHoldOf(set, generation);
  generation.state = state;
  generation.stateReason = reason;
  generation.updateTime = set.now;
  set.changeGeneration(generation);
  set.addEvent({
    generationId: generation.generationId,
    eventKey: state,
    type: state,
    details: reason === "" ? {} : { reason },
    createTime: set.now,
  });
}
