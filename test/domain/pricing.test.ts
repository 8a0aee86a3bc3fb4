import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { baseCost, type Pricing, type Usage } from "../../src/domain/pricing.js";

function priceOf(unit: Pricing["unit"], rateUsd: string, changes: Partial<Pricing> = {}): Pricing {
  return { unit, rateUsd, multiplier: "1", minimumChargeUsdMicros: 0n, ...changes };
}

describe("a base cost", () => {
  it.each([
    ["0.001", 30_000_000n, 30_000n],
    ["0.000337", 3_270_000n, 1_102n],
  ])("is %s $/s × the run's seconds, rounded half up to a micro", (rateUsd, runDurationMicros, cost) => {
    expect(baseCost(priceOf("SECOND", rateUsd), { runDurationMicros })).toBe(cost);
  });

  it.each<[string, Pricing, Usage, bigint]>([
    ["a run by 1, whatever it used", priceOf("RUN", "0.04"), { quantity: 7n, runDurationMicros: 9n }, 40_000n],
    ["seconds to the microsecond", priceOf("SECOND", "1"), { runDurationMicros: 1_000_001n }, 1_000_001n],
    ["tokens by the quantity given", priceOf("TOKEN", "0.000002"), { quantity: 1_500n }, 3_000n],
    [
      "by the multiplier too",
      priceOf("SECOND", "0.001", { multiplier: "1.5" }),
      { runDurationMicros: 2_000_000n },
      3_000n,
    ],
  ])("multiplies %s", (_, pricing, usage, cost) => {
    expect(baseCost(pricing, usage)).toBe(cost);
  });

  it.each([
    ["0.0000014", 1n],
    ["0.0000015", 2n],
    ["0.0000025", 3n],
  ])("of %s dollars rounds to %i", (rateUsd, cost) => {
    expect(baseCost(priceOf("RUN", rateUsd), {})).toBe(cost);
  });

  it.each<[string, Pricing, Usage, bigint]>([
    ["quantity", priceOf("TOKEN", "0.0000014"), { quantity: 10n }, 14n],
    ["multiplier", priceOf("RUN", "0.0000004", { multiplier: "10" }), {}, 4n],
    ["seconds", priceOf("SECOND", "0.0000004"), { runDurationMicros: 10_000_000n }, 4n],
  ])("is rounded once, after the %s", (_, pricing, usage, cost) => {
    expect(baseCost(pricing, usage)).toBe(cost);
  });

  it.each([
    [1_000n, 2_000n, 2_000n],
    [2_000n, 2_000n, 2_000n],
    [3_000n, 2_000n, 3_000n],
  ])("of %i with a minimum charge of %i is %i", (quantity, minimumChargeUsdMicros, cost) => {
    expect(baseCost(priceOf("TOKEN", "0.000001", { minimumChargeUsdMicros }), { quantity })).toBe(cost);
  });

  it.each<[string, Pricing, Usage]>([
    ["no seconds", priceOf("SECOND", "0.001"), { runDurationMicros: 0n }],
    ["no tokens", priceOf("TOKEN", "0.001"), { quantity: 0n }],
    ["a rate far below a micro", priceOf("RUN", "0.000000000001"), {}],
  ])("is at least 1 micro: %s", (_, pricing, usage) => {
    expect(baseCost(pricing, usage)).toBe(1n);
  });

  it("is the final cost where one is given, below the minimum charge too", () => {
    const pricing = priceOf("SECOND", "0.001", { minimumChargeUsdMicros: 5_000n });
    expect(baseCost(pricing, { finalCostUsdMicros: 3n, runDurationMicros: 30_000_000n })).toBe(3n);
  });

  it("is zero for FREE, whatever is given", () => {
    const pricing = priceOf("FREE", "", { multiplier: "", minimumChargeUsdMicros: 5_000n });
    expect(baseCost(pricing, {})).toBe(0n);
    expect(baseCost(pricing, { finalCostUsdMicros: 900n, quantity: 1n, runDurationMicros: 1n })).toBe(0n);
  });

  it.each<[string, Pricing, Usage]>([
    ["seconds", priceOf("SECOND", "0.001", { minimumChargeUsdMicros: 9n }), { quantity: 5n }],
    ["tokens", priceOf("TOKEN", "0.001", { minimumChargeUsdMicros: 9n }), { runDurationMicros: 5n }],
  ])("is unknown, never free or the minimum, while the %s are", (_, pricing, usage) => {
    expect(baseCost(pricing, usage)).toBeUndefined();
  });

  it("is not guessed from a stored price that can't be read", () => {
    expect(() => baseCost(priceOf("RUN", "cheap"), {})).toThrow("unreadable");
    expect(() => baseCost(priceOf("RUN", "1", { multiplier: "" }), {})).toThrow("unreadable");
  });
});

describe("any computed cost", () => {
  const decimals = fc.bigInt({ min: 1n, max: 10n ** 15n }).map((scaled) => ({
    scaled,
    text: `${scaled / 10n ** 12n}.${String(scaled % 10n ** 12n).padStart(12, "0")}`,
  }));
  const durations = fc.bigInt({ min: 0n, max: 10n ** 13n });

  it("is within half a micro of rate × seconds × multiplier, or the least that is charged", () => {
    const minimums = fc.bigInt({ min: 0n, max: 10n ** 6n });
    fc.assert(
      fc.property(decimals, decimals, durations, minimums, (rate, multiplier, runDurationMicros, minimum) => {
        const pricing = priceOf("SECOND", rate.text, { multiplier: multiplier.text, minimumChargeUsdMicros: minimum });
        const cost = baseCost(pricing, { runDurationMicros }) ?? -1n;
        const least = minimum === 0n ? 1n : minimum;
        expect(cost).toBeGreaterThanOrEqual(least);
        // Seconds in micros and dollars in micros cancel out: this is exactly the cost in 10^-24 micros.
        const exact = rate.scaled * multiplier.scaled * runDurationMicros;
        const twiceTheError = 2n * (exact - cost * 10n ** 24n);
        expect(twiceTheError).toBeLessThan(10n ** 24n);
        if (cost > least) expect(twiceTheError).toBeGreaterThanOrEqual(-(10n ** 24n));
      }),
    );
  });

  it("never falls when the run takes longer", () => {
    fc.assert(
      fc.property(decimals, durations, durations, (rate, duration, more) => {
        const pricing = priceOf("SECOND", rate.text);
        const shorter = baseCost(pricing, { runDurationMicros: duration });
        const longer = baseCost(pricing, { runDurationMicros: duration + more });
        expect(longer).toBeGreaterThanOrEqual(shorter ?? -1n);
      }),
    );
  });
});
