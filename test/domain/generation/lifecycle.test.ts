import { describe, expect, it } from "vitest";
import type { Generation, GenerationState, Outcome } from "../../../src/domain/generation/generation.js";
import {
  contradicts,
  failedState,
  observeProgress,
  observeStart,
  type ProgressReport,
  RUN_STATUSES,
  recordedDuration,
} from "../../../src/domain/generation/lifecycle.js";
import { sampleGeneration, sampleOutput } from "../samples.js";

const reportOf = (changes: Partial<ProgressReport> = {}): ProgressReport => ({
  liveStatus: "",
  outputs: [],
  ...changes,
});

describe("a progress report", () => {
  it.each(["not-started", "queued", "started"] as const)("of %s leaves a generation PENDING", (status) => {
    const generation = sampleGeneration();
    observeProgress(generation, reportOf({ status }), 5_000n);
    expect(generation).toMatchObject({ state: "PENDING", startTime: null, startSource: "" });
  });

  it.each([
    ["running", "RUNNING"],
    ["uploading", "UPLOADING"],
  ] as const)("of %s starts the run", (status, startSource) => {
    const generation = sampleGeneration();
    observeProgress(generation, reportOf({ status }), 5_000n);
    expect(generation).toMatchObject({ state: "RUNNING", startTime: 5_000n, startSource, updateTime: 5_000n });
  });

  it.each(RUN_STATUSES)("of %s never takes a RUNNING generation back", (status) => {
    const generation = sampleGeneration({ state: "RUNNING" });
    observeProgress(generation, reportOf({ status }), 5_000n);
    expect(generation.state).toBe("RUNNING");
  });

  it("is taken at the time it was observed, not the time it arrived", () => {
    const generation = sampleGeneration();
    observeProgress(generation, reportOf({ status: "running", observeTime: 4_000n }), 5_000n);
    expect(generation).toMatchObject({ startTime: 4_000n, updateTime: 5_000n });
  });

  it("that is delivered again doesn't move the start", () => {
    const generation = sampleGeneration();
    observeProgress(generation, reportOf({ status: "running" }), 5_000n);
    observeProgress(generation, reportOf({ status: "running", observeTime: 1n }), 9_000n);
    expect(generation.startTime).toBe(5_000n);
  });

  it("keeps what it says, and what earlier ones said where it is silent", () => {
    const generation = sampleGeneration();
    const outputs = [sampleOutput()];
    observeProgress(generation, reportOf({ progress: 0.25, liveStatus: "sampling", outputs }), 5_000n);
    observeProgress(generation, reportOf(), 6_000n);
    expect(generation).toMatchObject({ progress: 0.25, liveStatus: "sampling", outputs });
    observeProgress(generation, reportOf({ progress: 0 }), 7_000n);
    expect(generation.progress).toBe(0);
  });

  it.each<GenerationState>(["COMPLETED", "PAYMENT_FAILED", "FAILED", "CANCELLED"])(
    "changes nothing of a generation that is %s",
    (state) => {
      const generation = sampleGeneration({ state, startTime: 2_000n, startSource: "UPLOADING", endTime: 3_000n });
      const before = structuredClone(generation);
      const late = reportOf({ status: "running", progress: 0.5, liveStatus: "late", outputs: [sampleOutput()] });
      observeProgress(generation, late, 9_000n);
      expect(generation).toEqual(before);
    },
  );
});

describe("the start of a run", () => {
  it.each<[string, ["RUNNING" | "UPLOADING", bigint][], bigint]>([
    [
      "is the first RUNNING",
      [
        ["RUNNING", 10n],
        ["RUNNING", 5n],
      ],
      10n,
    ],
    [
      "is the first UPLOADING if there was no RUNNING",
      [
        ["UPLOADING", 10n],
        ["UPLOADING", 5n],
      ],
      10n,
    ],
    [
      "gives way from UPLOADING to RUNNING",
      [
        ["UPLOADING", 10n],
        ["RUNNING", 20n],
      ],
      20n,
    ],
    [
      "stays with RUNNING when UPLOADING follows",
      [
        ["RUNNING", 10n],
        ["UPLOADING", 20n],
      ],
      10n,
    ],
  ])("%s", (_, observations, startTime) => {
    const generation = sampleGeneration();
    for (const [source, observedAt] of observations) observeStart(generation, source, observedAt);
    expect(generation.startTime).toBe(startTime);
  });
});

describe("the recorded duration", () => {
  it.each([
    [1_000n, 3_270_000n, 3_269_000n],
    [5_000n, 5_000n, 0n],
    [5_000n, 4_000n, 0n],
  ])("from %i to %i is %i microseconds", (startTime, endTime, duration) => {
    expect(recordedDuration(sampleGeneration({ startTime, endTime }))).toBe(duration);
  });

  it.each<Partial<Generation>>([{}, { startTime: 1n }, { endTime: 1n }])("is unknown with only %o", (times) => {
    expect(recordedDuration(sampleGeneration(times))).toBeUndefined();
  });
});

it.each([
  ["FAILED", { state: "FAILED", reason: "RUN_FAILED" }],
  ["TIMED_OUT", { state: "FAILED", reason: "TIMED_OUT" }],
  ["CANCELLED", { state: "CANCELLED", reason: "" }],
] as const)("a run that %s ends as %o", (outcome, expected) => {
  expect(failedState(outcome)).toEqual(expected);
});

describe("a second completion", () => {
  const succeeded = sampleGeneration({ state: "COMPLETED", outcome: "SUCCEEDED", baseCostUsdMicros: 10_000n });
  const unsuccessful: Outcome[] = ["FAILED", "TIMED_OUT", "CANCELLED"];

  it.each(unsuccessful)("that says %s contradicts a success, and the reverse", (outcome) => {
    expect(contradicts(succeeded, outcome, undefined)).toBe(true);
    expect(contradicts(sampleGeneration({ state: "FAILED", outcome }), "SUCCEEDED", undefined)).toBe(true);
  });

  it.each(unsuccessful.flatMap((first) => unsuccessful.map((second) => [first, second] as const)))(
    "after %s doesn't conflict by saying %s, whatever it says it cost",
    (first, second) => {
      expect(contradicts(sampleGeneration({ state: "FAILED", outcome: first }), second, 99n)).toBe(false);
    },
  );

  it.each([
    [undefined, false],
    [10_000n, false],
    [9_999n, true],
    [10_001n, true],
  ])("with a final cost of %s after one of 10,000 conflicts: %s", (finalCostUsdMicros, conflicts) => {
    expect(contradicts(succeeded, "SUCCEEDED", finalCostUsdMicros)).toBe(conflicts);
  });

  it("may name the cost of a success whose cost was unknown", () => {
    const undetermined = sampleGeneration({ state: "PAYMENT_FAILED", outcome: "SUCCEEDED", baseCostUsdMicros: null });
    expect(contradicts(undetermined, "SUCCEEDED", 5n)).toBe(false);
  });

  it("may name any final cost of a FREE generation, which has none", () => {
    const pricing = { unit: "FREE", rateUsd: "", multiplier: "", minimumChargeUsdMicros: 0n } as const;
    expect(contradicts({ ...succeeded, pricing, baseCostUsdMicros: 0n }, "SUCCEEDED", 5n)).toBe(false);
  });
});
