import { baseCost, type Pricing } from "../pricing.js";
import type { Estimate } from "./generation.js";

/** A base cost that is expected, by the same rule as one that is charged. */
export interface EstimatedBase {
  readonly baseUsdMicros: bigint;
  /** Whether it rests on the tool's default, because the caller said nothing of what the price needs. */
  readonly usesDefault: boolean;
}

/**
 * Prices what a run is expected to use: what the caller says, else what the tool's default does.
 * @returns undefined if the price needs an amount and neither says it
 */
export function estimatedBase(pricing: Pricing, given: Estimate, byDefault: Estimate): EstimatedBase | undefined {
  const asGiven = baseCost(pricing, {
    runDurationMicros: given.runDurationMicros ?? undefined,
    quantity: given.quantity ?? undefined,
  });
  if (asGiven !== undefined) return { baseUsdMicros: asGiven, usesDefault: false };
  const asDefault = baseCost(pricing, {
    runDurationMicros: byDefault.runDurationMicros ?? undefined,
    quantity: byDefault.quantity ?? undefined,
  });
  return asDefault === undefined ? undefined : { baseUsdMicros: asDefault, usesDefault: true };
}
