import { divideHalfUp, MICROS_PER_USD, parseDecimal, RATE_DECIMALS } from "./money.js";

export type PricingUnit = "SECOND" | "RUN" | "TOKEN" | "FREE";

/** How a run is priced, as it is stored with the generation. Decimal strings have at most 12 decimals and are above 0. */
export interface Pricing {
  readonly unit: PricingUnit;
  /** US$ per unit; "" for FREE. */
  readonly rateUsd: string;
  readonly multiplier: string;
  readonly minimumChargeUsdMicros: bigint;
}

/** What is known about how much a run used. */
export interface Usage {
  readonly finalCostUsdMicros?: bigint | undefined;
  readonly runDurationMicros?: bigint | undefined;
  readonly quantity?: bigint | undefined;
}

const RATE_SCALE = 10n ** BigInt(RATE_DECIMALS);
const MICROSECONDS_PER_SECOND = 1_000_000n;

/**
 * Base cost of a run (rules 1.1, 1.2, 3.5): the final cost if one is given; else rate × quantity × multiplier, exact, rounded once,
 * half up, then at least the minimum charge and at least 1 micro. FREE is zero whatever is given.
 * @returns micro-USD, or undefined if what this unit needs is unknown.
 */
export function baseCost(pricing: Pricing, usage: Usage): bigint | undefined {
  if (pricing.unit === "FREE") return 0n;
  if (usage.finalCostUsdMicros !== undefined) return usage.finalCostUsdMicros;
  const units = billedUnits(pricing.unit, usage);
  if (units === undefined) return undefined;
  const rate = parseDecimal(pricing.rateUsd, RATE_DECIMALS);
  const multiplier = parseDecimal(pricing.multiplier, RATE_DECIMALS);
  if (rate === undefined || multiplier === undefined) throw new Error("a stored price is unreadable");
  const cost = divideHalfUp(rate * multiplier * units.count * MICROS_PER_USD, RATE_SCALE * RATE_SCALE * units.scale);
  const least = pricing.minimumChargeUsdMicros > 1n ? pricing.minimumChargeUsdMicros : 1n;
  return cost > least ? cost : least;
}

/** How many units are billed, as an integer `count` of 1/`scale` units. */
function billedUnits(unit: Exclude<PricingUnit, "FREE">, usage: Usage): { count: bigint; scale: bigint } | undefined {
  switch (unit) {
    case "RUN":
      return { count: 1n, scale: 1n };
    case "SECOND":
      return usage.runDurationMicros === undefined
        ? undefined
        : { count: usage.runDurationMicros, scale: MICROSECONDS_PER_SECOND };
    case "TOKEN":
      return usage.quantity === undefined ? undefined : { count: usage.quantity, scale: 1n };
  }
}
