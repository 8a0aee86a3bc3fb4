import { describe, expect, it } from "vitest";
import { Admission } from "../../src/ledger/admission.js";

const LIMITS = { batchSize: 100, waiting: 1_000, waitingMs: 400, standingMs: 150, burstMs: 300 };

/** An admission by a clock that only this moves. */
function admissionWithClock() {
  const clock = { now: 5_000 };
  const admission = new Admission(LIMITS, () => clock.now);
  const batches = (count: number, commands: number, tookMs: number): void => {
    for (let batch = 0; batch < count; batch++) {
      const end = admission.begin();
      clock.now += tookMs;
      end(commands);
    }
  };
  /** The longest queue that one more may join. */
  const longest = (): number => {
    for (let waiting = 0; ; waiting++) if (admission.room(waiting) === 0) return waiting;
  };
  return { admission, clock, batches, longest };
}

describe("admission to the writer's queue", () => {
  it("says how many more may wait, and none rather than fewer", () => {
    const { admission } = admissionWithClock();
    expect([0, 399, 400, 500].map((waiting) => admission.room(waiting))).toEqual([400, 1, 0, 0]);
  });

  it("takes a command for a millisecond's work until it knows better", () => {
    expect(admissionWithClock().longest()).toBe(400);
  });

  it("lets as many wait as the writer gets through in the time that one may wait", () => {
    const { batches, longest } = admissionWithClock();
    batches(50, 100, 200);
    expect(longest()).toBeCloseTo(200, -1);
    batches(50, 100, 50);
    expect(longest()).toBeCloseTo(800, -1);
  });

  it("never lets more wait than the bound on their number, however quick the writer", () => {
    const { batches, longest } = admissionWithClock();
    batches(50, 100, 1);
    expect(longest()).toBe(1_000);
  });

  it("lets less than a batch wait, however slow the writer: they all go at once", () => {
    const { batches, longest } = admissionWithClock();
    batches(50, 100, 60_000);
    expect(longest()).toBe(100);
  });

  it("learns nothing from small batches, in which each command takes much longer", () => {
    const { batches, longest } = admissionWithClock();
    batches(50, 1, 20);
    expect(longest()).toBe(400);
  });

  it("counts how long the batch under way has been at it, and forgets that at its end, failed or not", () => {
    const { admission, clock, longest } = admissionWithClock();
    const end = admission.begin();
    clock.now += 250;
    expect(longest()).toBe(150);
    clock.now += 250;
    expect(longest()).toBe(100);
    end(0);
    expect(longest()).toBe(400);
  });

  it("doesn't take an idle writer for a stuck one", () => {
    const { batches, clock, longest } = admissionWithClock();
    batches(1, 10, 20);
    clock.now += 60_000;
    expect(longest()).toBe(400);
  });

  it("keeps a queue short that has been there for longer than a burst lasts", () => {
    const { admission, clock, longest } = admissionWithClock();
    clock.now += 1_000;
    expect(admission.room(0)).toBe(400);
    for (let elapsed = 0; elapsed < 300; elapsed += 50) {
      clock.now += 50;
      expect(admission.room(350)).toBe(50);
    }
    clock.now += 50;
    expect(admission.room(350)).toBe(0);
    expect(longest()).toBe(150);
  });

  it("takes a burst whole again once the queue has been half as short for as long", () => {
    const { admission, clock } = admissionWithClock();
    clock.now += 1_000;
    expect(admission.room(350)).toBe(0);
    for (let elapsed = 0; elapsed < 1_000; elapsed += 50) {
      clock.now += 50;
      expect(admission.room(149)).toBe(1);
    }
    for (let elapsed = 0; elapsed < 300; elapsed += 50) {
      expect(admission.room(70)).toBe(80);
      clock.now += 50;
    }
    clock.now += 50;
    expect(admission.room(70)).toBe(330);
  });

  it("calls a queue of less than a batch short, however slow the writer", () => {
    const { admission, batches, clock } = admissionWithClock();
    batches(50, 100, 60_000);
    clock.now += 1_000;
    expect(admission.room(99)).toBe(1);
    expect(admission.room(100)).toBe(0);
  });

  it("counts the time of overlapping batches once", () => {
    const { admission, clock, longest } = admissionWithClock();
    let end = admission.begin();
    for (let batch = 0; batch < 50; batch++) {
      clock.now += 25;
      const endOfNext = admission.begin();
      clock.now += 25;
      end(100);
      end = endOfNext;
    }
    expect(longest()).toBeCloseTo(800, -1);
  });
});
