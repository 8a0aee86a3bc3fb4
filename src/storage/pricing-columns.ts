import type { Pricing } from "../domain/pricing.js";

/** A price as columns, the same in every table that has one. */
export const PRICING_COLUMNS = {
  pricingUnit: "text",
  pricingRateUsd: "text",
  pricingMultiplier: "text",
  pricingMinimumChargeUsdMicros: "int8",
} as const;

export interface PricingStored {
  readonly pricingUnit: Pricing["unit"];
  readonly pricingRateUsd: string;
  readonly pricingMultiplier: string;
  readonly pricingMinimumChargeUsdMicros: bigint;
}

export function flattenPricing<Row extends { readonly pricing: Pricing }>(
  row: Row,
): Omit<Row, "pricing"> & PricingStored {
  const { pricing, ...rest } = row;
  return {
    ...rest,
    pricingUnit: pricing.unit,
    pricingRateUsd: pricing.rateUsd,
    pricingMultiplier: pricing.multiplier,
    pricingMinimumChargeUsdMicros: pricing.minimumChargeUsdMicros,
  };
}

export function restorePricing<Stored extends PricingStored>(
  stored: Stored,
): Omit<Stored, keyof PricingStored> & { pricing: Pricing } {
  const { pricingUnit, pricingRateUsd, pricingMultiplier, pricingMinimumChargeUsdMicros, ...rest } = stored;
  return {
    ...rest,
    pricing: {
      unit: pricingUnit,
      rateUsd: pricingRateUsd,
      multiplier: pricingMultiplier,
      minimumChargeUsdMicros: pricingMinimumChargeUsdMicros,
    },
  };
}
