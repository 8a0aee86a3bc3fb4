import { type Pricing, PricingUnit } from "../../gen/stationthis/generation/v1/generation_pb.js";
import { amountOrZero, nested, optional, positiveDecimal, type Rule, specified } from "./rules.js";

const fields = nested<Pricing>({
  unit: specified(PricingUnit),
  multiplier: optional(positiveDecimal),
  minimumChargeUsdMicros: amountOrZero,
});

/** A price: with a rate, unless it is free. */
export const pricing: Rule<Pricing> = (value, field, problems) => {
  fields(value, field, problems);
  if (value.unit === PricingUnit.FREE) {
    if (value.rateUsd !== "") problems.add(`${field}.rate_usd`, "is left out for PRICING_UNIT_FREE");
  } else {
    positiveDecimal(value.rateUsd, `${field}.rate_usd`, problems);
  }
};
