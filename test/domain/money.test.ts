import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  basisPoints,
  divideHalfUp,
  formatDecimal,
  formatUsd,
  MAX_BALANCE_USD_MICROS,
  MAX_OPERATION_USD_MICROS,
  parseDecimal,
  splitEvenly,
} from "../../src/domain/money.js";

const amounts = fc.bigInt({ min: 0n, max: 9_007_199_254_740_991n });

describe("the limits", () => {
  it("keep every balance within what every client language reads exactly", () => {
    expect(MAX_BALANCE_USD_MICROS).toBe(9_007_199_254_740_991n);
  });

  it("let one operation move a million dollars at most", () => {
    expect(MAX_OPERATION_USD_MICROS).toBe(1_000_000_000_000n);
  });
});

describe("parseDecimal", () => {
  it.each([
    ["0", 12, 0n],
    ["1", 6, 1_000_000n],
    ["0.000337", 12, 337_000_000n],
    ["0.000000000001", 12, 1n],
    ["007.50", 2, 750n],
    ["999999999999999999", 0, 999_999_999_999_999_999n],
    ["999999999999999999.999999999999", 12, 999_999_999_999_999_999_999_999_999_999n],
  ])("reads %j with %i decimals exactly", (text, decimals, scaled) => {
    expect(parseDecimal(text, decimals)).toBe(scaled);
  });

  it.each(["", " ", "-1", "+1", "1e3", " 1", "1 ", "1\n", ".5", "5.", "1,5", "1_000", "0x10", "1.0.0", "NaN", "١"])(
    "refuses %j, which isn't plain digits",
    (text) => {
      expect(parseDecimal(text, 12)).toBeUndefined();
    },
  );

  it.each([
    ["0.0000001", 6],
    ["1.0", 0],
    ["0.0000000000000", 12],
  ])("refuses %j where %i decimals are taken, rather than drop one", (text, decimals) => {
    expect(parseDecimal(text, decimals)).toBeUndefined();
  });

  it("refuses more than 18 digits before the point", () => {
    expect(parseDecimal("1000000000000000000", 0)).toBeUndefined();
  });
});

describe("formatDecimal", () => {
  it.each([
    [0n, 2, "0.00"],
    [5n, 0, "5"],
    [-5n, 0, "-5"],
    [1n, 6, "0.000001"],
    [-1n, 2, "-0.01"],
    [-12_345n, 2, "-123.45"],
  ])("writes %i of 10^-%i as %s", (scaled, decimals, text) => {
    expect(formatDecimal(scaled, decimals)).toBe(text);
  });

  it("is read back as the same number", () => {
    const decimals = fc.integer({ min: 0, max: 18 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), decimals, (scaled, places) => {
        expect(parseDecimal(formatDecimal(scaled, places), places)).toBe(scaled);
      }),
    );
  });

  it("writes again what was read, when it had all its decimals", () => {
    const whole = fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }).map(String);
    const fraction = fc.bigInt({ min: 0n, max: 10n ** 12n - 1n }).map((digits) => String(digits).padStart(12, "0"));
    fc.assert(
      fc.property(whole, fraction, (before, after) => {
        const text = `${before}.${after}`;
        expect(formatDecimal(parseDecimal(text, 12) ?? -1n, 12)).toBe(text);
      }),
    );
  });
});

it.each([
  [1_060_000n, "1.060000"],
  [1n, "0.000001"],
  [-2_500_000n, "-2.500000"],
])("formatUsd shows %i micros as %s dollars", (micros, text) => {
  expect(formatUsd(micros)).toBe(text);
});

describe("divideHalfUp", () => {
  it.each([
    [0n, 7n, 0n],
    [1n, 2n, 1n],
    [3n, 2n, 2n],
    [5n, 2n, 3n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [110_199n, 100n, 1_102n],
  ])("rounds %i / %i to %i", (numerator, denominator, quotient) => {
    expect(divideHalfUp(numerator, denominator)).toBe(quotient);
  });

  it("is never further off than a half, and exact halves go up", () => {
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 1n, max: 10n ** 24n }), (numerator, denominator) => {
        const twiceTheError = 2n * (numerator - divideHalfUp(numerator, denominator) * denominator);
        expect(twiceTheError).toBeLessThan(denominator);
        expect(twiceTheError).toBeGreaterThanOrEqual(-denominator);
      }),
    );
  });
});

it.each([
  [1_000_000n, 500, 50_000n],
  [10_000n, 600, 600n],
  [17n, 300, 1n],
  [10n, 500, 1n],
  [9n, 500, 0n],
  [7n, 500, 0n],
  [123n, 10_000, 123n],
  [123n, 0, 0n],
])("basisPoints of %i at %i bps is %i", (amount, bps, part) => {
  expect(basisPoints(amount, bps)).toBe(part);
});

describe("splitEvenly", () => {
  it.each([
    [50_000n, 3, [16_667n, 16_667n, 16_666n]],
    [500n, 2, [250n, 250n]],
    [1n, 2, [1n, 0n]],
    [0n, 2, [0n, 0n]],
    [5n, 1, [5n]],
  ])("splits %i into %i parts, the larger ones first", (amount, parts, expected) => {
    expect(splitEvenly(amount, parts)).toEqual(expected);
  });

  it("makes parts that sum to the amount, differ by at most a micro and never grow", () => {
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 200 }), (amount, count) => {
        const parts = splitEvenly(amount, count);
        expect(parts).toHaveLength(count);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(amount);
        const first = parts[0] as bigint;
        const last = parts[count - 1] as bigint;
        expect(first - last).toBeLessThanOrEqual(1n);
        expect(parts).toEqual(parts.toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
      }),
    );
  });
});
