import type { Generation } from "../domain/generation/generation.js";
import { type Finding, finding } from "./violations.js";

/**
 * Checks that a generation is settled exactly if it is completed and not free (rules 8.4).
 * @param settlements ids of the settlements that name it
 */
export function* checkGeneration(generation: Generation, settlements: readonly string[]): Generator<Finding> {
  const row = `generation ${generation.generationId}`;
  const isFree = generation.pricing.unit === "FREE";
  const { state, transactionId } = generation;
  if (state === "COMPLETED" && !isFree) {
    if (settlements.length !== 1 || settlements[0] !== transactionId) {
      const detail = `is COMPLETED, names ${transactionId || "no transaction"}, its settlements: ${listed(settlements)}`;
      yield finding("completed-is-settled", row, detail);
    }
  } else if (settlements.length > 0 || transactionId !== "") {
    const what = isFree ? `is ${state} and free` : `is ${state}`;
    const detail = `${what}, names ${transactionId || "no transaction"}, its settlements: ${listed(settlements)}`;
    yield finding("only-completed-is-settled", row, detail);
  }
  if (isFree && state === "COMPLETED" && (generation.baseCostUsdMicros !== 0n || generation.feeUsdMicros !== 0n)) {
    const detail = `costs ${generation.baseCostUsdMicros ?? "nothing known"} and a fee of ${generation.feeUsdMicros}`;
    yield finding("free-costs-nothing", row, detail);
  }
}

function listed(settlements: readonly string[]): string {
  return settlements.length === 0 ? "none" : settlements.slice(0, 3).join(", ");
}
