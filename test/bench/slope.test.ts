import { expect, it } from "vitest";
import { slopePercent } from "../../src/bench/slope.js";

/** A hundred samples, one each thousand calls. */
const samples = (valueAt: (calls: number) => number) =>
  Array.from({ length: 100 }, (_, index) => ({ calls: (index + 1) * 1_000, value: valueAt((index + 1) * 1_000) }));

it("a value that stays the same has no slope, whatever it did before the last quarter", () => {
  expect(slopePercent(samples((calls) => (calls < 75_000 ? calls : 75_000)))).toBeCloseTo(0);
});

it("a value that grows by a tenth over the last quarter has a slope of ten percent", () => {
  expect(slopePercent(samples((calls) => 200 + (20 * (calls - 75_000)) / 25_000))).toBeCloseTo(10);
});

it("a value that shrinks has a negative slope", () => {
  expect(slopePercent(samples((calls) => 200 - (2 * (calls - 75_000)) / 25_000))).toBeCloseTo(-1);
});

it("one sample that is half as much again moves the slope by a few percent only", () => {
  expect(Math.abs(slopePercent(samples((calls) => (calls === 90_000 ? 300 : 200))))).toBeLessThan(3);
});

it("there is no slope in fewer than two samples", () => {
  expect(slopePercent([])).toBeNaN();
  expect(slopePercent([{ calls: 10, value: 1 }])).toBeNaN();
});
