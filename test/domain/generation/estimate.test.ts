import { describe, expect, it } from "vitest";
import { estimatedBase } from "../../../src/domain/generation/estimate.js";
import type { Estimate } from "../../../src/domain/generation/generation.js";
import type { Pricing } from "../../../src/domain/pricing.js";

const NOTHING: Estimate = { runDurationMicros: null, quantity: null };
const THREE_SECONDS: Estimate = { runDurationMicros: 3_000_000n, quantity: null };
const FIVE_TOKENS: Estimate = { runDurationMicros: null, quantity: 5n };

function pricing(unit: Pricing["unit"]): Pricing {
  return { unit, rateUsd: unit === "FREE" ? "" : "0.001", multiplier: "1", minimumChargeUsdMicros: 0n };
}

describe("an expected cost", () => {
  it.each<[string, Pricing["unit"], Estimate, Estimate, bigint, boolean]>([
    ["is by what the caller says", "SECOND", THREE_SECONDS, { ...NOTHING, runDurationMicros: 9n }, 3_000n, false],
    ["is by the tool's default where the caller says nothing", "SECOND", NOTHING, THREE_SECONDS, 3_000n, true],
    [
      "is by the default where the caller says what this price has no use for",
      "SECOND",
      FIVE_TOKENS,
      THREE_SECONDS,
      3_000n,
      true,
    ],
    ["by the token is by the quantity", "TOKEN", FIVE_TOKENS, { ...NOTHING, quantity: 9n }, 5_000n, false],
    ["by the run needs no amount, so no default is used", "RUN", NOTHING, THREE_SECONDS, 1_000n, false],
    ["of a free run is 0", "FREE", NOTHING, THREE_SECONDS, 0n, false],
    [
      "of 0 seconds is a micro, and that is no missing amount",
      "SECOND",
      { ...NOTHING, runDurationMicros: 0n },
      THREE_SECONDS,
      1n,
      false,
    ],
  ])("%s", (_, unit, given, byDefault, baseUsdMicros, usesDefault) => {
    expect(estimatedBase(pricing(unit), given, byDefault)).toEqual({ baseUsdMicros, usesDefault });
  });

  it.each<[Pricing["unit"], Estimate, Estimate]>([
    ["SECOND", NOTHING, NOTHING],
    ["SECOND", FIVE_TOKENS, FIVE_TOKENS],
    ["TOKEN", THREE_SECONDS, NOTHING],
  ])("by %s is unknown where nobody says the amount", (unit, given, byDefault) => {
    expect(estimatedBase(pricing(unit), given, byDefault)).toBeUndefined();
  });
});
