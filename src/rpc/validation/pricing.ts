import { type Pricing, PricingUnit } from "../../gen/stationthis/generation/v1/generation_pb.js";
import {
  amountOrZero,
  checkFields,
  type FieldRules,
  optional,
  positiveDecimal,
  type Rule,
  specified,
} from "./rules.js";

/** A price: with a rate, unless it is free. */
export const pricing: Rule<Pricing> = (value, field, problems) => {
  const rules: FieldRules<Pricing> = {
    unit: specified(PricingUnit),
    multiplier: optional(positiveDecimal),
    minimumChargeUsdMicros: amountOrZero,
  };
  checkFields(value, rules, `${field}.`, problems);
  if (value.unit === PricingUnit.FREE) {
    if (value.rateUsd !== "") problems.add(`${field}.rate_usd`, "is left out for PRICING_UNIT_FREE");
  } else {
    positiveDecimal(value.rateUsd, `${field}.rate_usd`, problems);
  }
};
