import type { GenerationToCheck } from "../storage/audit-store.js";
import { type Finding, finding } from "./violations.js";

/**
 * Checks that a generation is settled exactly if it is completed and not free (rules 8.4).
 * @param settlements ids of the settlements that name it
 */
export function* checkGeneration(generation: GenerationToCheck, settlements: readonly string[]): Generator<Finding> {
  const { state, transactionId } = generation;
  const isFree = generation.pricingUnit === "FREE";
  const row = `generation ${generation.generationId}`;
  const what = `is ${state}${isFree ? " and free" : ""}`;
  const detail = `${what}, names ${transactionId || "no transaction"}, its settlements: ${listed(settlements)}`;
  if (state === "COMPLETED" && !isFree) {
    if (settlements.length !== 1 || settlements[0] !== transactionId)
      yield finding("completed-is-settled", row, detail);
    return;
  }
  if (settlements.length > 0 || transactionId !== "") yield finding("only-completed-is-settled", row, detail);
  const { baseCostUsdMicros, feeUsdMicros, chargedAccountId } = generation;
  const isPaidFor = feeUsdMicros !== 0n || chargedAccountId !== "";
  if (isPaidFor || (isFree && state === "COMPLETED" && baseCostUsdMicros !== 0n)) {
    const costs = `costs ${baseCostUsdMicros ?? "nothing known"} and a fee of ${feeUsdMicros}`;
    yield finding("unsettled-charges-nothing", row, `${what}, ${costs}, charges ${chargedAccountId || "nobody"}`);
  }
}

function listed(settlements: readonly string[]): string {
  return settlements.length === 0 ? "none" : settlements.slice(0, 3).join(", ");
}
