import { describe, expect, it } from "vitest";
import { type OpenLoadResult, SERVED, UNSENT } from "../../src/bench/open-load.js";
import { overloadFigures } from "../../src/bench/overload-figures.js";

const PHASES = {
  before: { callsPerSecond: 50, seconds: 2 },
  overload: { callsPerSecond: 300, seconds: 2 },
  after: { callsPerSecond: 50, seconds: 4 },
};

/** What became of the calls of each phase: outcome and milliseconds, by the number of the call in its phase and when it was sent, in ms from the phase's start. */
function resultOf(become: Record<keyof typeof PHASES, (call: number, atMs: number) => readonly [string, number]>) {
  const outcomes = [UNSENT, SERVED, "late", "OVERLOADED", "no answer"];
  const rows: (readonly [number, number, number])[] = [];
  let beganMs = 0;
  for (const name of ["before", "overload", "after"] as const) {
    const { callsPerSecond, seconds } = PHASES[name];
    for (let call = 0; call < callsPerSecond * seconds; call++) {
      const atMs = (call * 1_000) / callsPerSecond;
      const [outcome, tookMs] = become[name](call, atMs);
      rows.push([outcome === UNSENT ? Number.NaN : beganMs + atMs, tookMs, outcomes.indexOf(outcome)]);
    }
    beganMs += seconds * 1_000;
  }
  const result: OpenLoadResult = {
    sentAtMs: Float64Array.from(rows, ([sentAtMs]) => sentAtMs),
    tookMs: Float64Array.from(rows, ([, tookMs]) => tookMs),
    outcome: Uint8Array.from(rows, ([, , outcome]) => outcome),
    outcomes,
  };
  return overloadFigures(result, PHASES, 100);
}

const quick = () => [SERVED, 10] as const;

describe("the figures of an overload", () => {
  it("say how much was served of what can be sustained, and how long refusals took", () => {
    const figures = resultOf({
      before: quick,
      overload: (call) => (call % 3 === 0 ? [SERVED, 0] : ["OVERLOADED", call < 10 ? 99 : 7]),
      after: quick,
    });
    expect(figures).toMatchObject({ callsPerSecond: 100, keptPercent: 100, offeredTimes: 3, refusalP99Ms: 99 });
    expect(figures).toMatchObject({ latePercent: 0, unsentPercent: 0, errors: {}, answered: 600 });
  });

  it("count as served what was answered before the overload ended", () => {
    const { keptPercent } = resultOf({ before: quick, overload: () => [SERVED, 1_000], after: quick });
    expect(keptPercent).toBeCloseTo(150, 0);
  });

  it("tell calls that ran out of time and calls that weren't sent", () => {
    const figures = resultOf({
      before: quick,
      overload: (call) => (call % 2 === 0 ? [UNSENT, Number.NaN] : ["late", 5_000]),
      after: quick,
    });
    expect(figures).toMatchObject({ latePercent: 100, unsentPercent: 50, offeredTimes: 1.5, keptPercent: 0 });
    expect(figures.refusalP99Ms).toBeNaN();
  });

  it("say that it is over once half of the calls take at most a fifth longer than before", () => {
    const after = (_: number, atMs: number) => [SERVED, atMs < 1_000 ? 13 : 12] as const;
    expect(resultOf({ before: quick, overload: quick, after }).recoverySeconds).toBe(1.25);
    const refused = (_: number, atMs: number) => (atMs < 2_000 ? (["OVERLOADED", 1] as const) : quick());
    expect(resultOf({ before: quick, overload: quick, after: refused }).recoverySeconds).toBe(2.25);
    const never = () => [SERVED, 13] as const;
    expect(resultOf({ before: quick, overload: quick, after: never }).recoverySeconds).toBe(Number.POSITIVE_INFINITY);
  });

  it("name what an overload is no reason for", () => {
    const { errors } = resultOf({
      before: (call) => (call === 3 ? ["no answer", 1] : quick()),
      overload: quick,
      after: quick,
    });
    expect(errors).toEqual({ "no answer": 1 });
  });
});
