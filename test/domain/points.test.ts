import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePointsRate, pointsRoundedDown, pointsRoundedUp } from "../../src/domain/points.js";

describe("parsePointsRate", () => {
  it.each([
    ["0.000337", 337_000_000n],
    ["1", 1_000_000_000_000n],
    ["0.000000000001", 1n],
  ])("reads %s dollars a point", (text, picoUsdPerPoint) => {
    expect(parsePointsRate(text)).toEqual({ picoUsdPerPoint });
  });

  it.each(["", "0", "0.000000000000", "-1", "1e-3", "0.0000000000001", "a cent"])(
    "refuses %j: a point is worth more than nothing, in at most 12 decimals",
    (text) => {
      expect(parsePointsRate(text)).toBeUndefined();
    },
  );
});

describe("pointsRoundedDown", () => {
  it.each([
    [1_000_000n, 337_000_000n, "2967.35"],
    [10_000n, 10_000_000_000n, "1.00"],
    [9_999n, 10_000_000_000n, "0.99"],
    [0n, 10_000_000_000n, "0.00"],
    [-1n, 10_000_000_000n, "-0.01"],
    [-10_000n, 10_000_000_000n, "-1.00"],
  ])("shows %i micros at %i pico-dollars a point as %s", (micros, picoUsdPerPoint, text) => {
    expect(pointsRoundedDown(micros, { picoUsdPerPoint })).toBe(text);
  });

  it("never shows more than there is, nor a hundredth of a point less", () => {
    const balances = fc.bigInt({ min: -9_007_199_254_740_991n, max: 9_007_199_254_740_991n });
    fc.assert(
      fc.property(balances, fc.bigInt({ min: 1n, max: 10n ** 15n }), (micros, picoUsdPerPoint) => {
        const hundredths = BigInt(pointsRoundedDown(micros, { picoUsdPerPoint }).replace(".", ""));
        const worth = micros * 1_000_000n * 100n;
        expect(hundredths * picoUsdPerPoint).toBeLessThanOrEqual(worth);
        expect((hundredths + 1n) * picoUsdPerPoint).toBeGreaterThan(worth);
      }),
    );
  });
});

describe("pointsRoundedUp", () => {
  it.each([
    [10_000n, 10_000_000_000n, "1.00"],
    [10_001n, 10_000_000_000n, "1.01"],
    [1n, 337_000_000n, "0.01"],
    [0n, 337_000_000n, "0.00"],
  ])("shows a price of %i micros at %i pico-dollars a point as %s", (micros, picoUsdPerPoint, text) => {
    expect(pointsRoundedUp(micros, { picoUsdPerPoint })).toBe(text);
  });

  it("never shows less than the price, nor a hundredth of a point more", () => {
    const prices = fc.bigInt({ min: 0n, max: 1_000_000_000_000n });
    fc.assert(
      fc.property(prices, fc.bigInt({ min: 1n, max: 10n ** 15n }), (micros, picoUsdPerPoint) => {
        const hundredths = BigInt(pointsRoundedUp(micros, { picoUsdPerPoint }).replace(".", ""));
        const worth = micros * 1_000_000n * 100n;
        expect(hundredths * picoUsdPerPoint).toBeGreaterThanOrEqual(worth);
        expect((hundredths - 1n) * picoUsdPerPoint).toBeLessThan(worth);
      }),
    );
  });
});
