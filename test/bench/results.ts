import type { RunReport } from "../../src/bench/figures.js";
import type { WorkloadResult } from "../../src/bench/result.js";

/** A run in which nothing went wrong. */
export function run(callsPerSecond: number, more: Partial<RunReport> = {}): RunReport {
  const latencies = { p50Ms: 10, p95Ms: 20, p99Ms: 30, maxMs: 40 };
  return { answered: 100, seconds: 1, callsPerSecond, ...latencies, errors: {}, dropped: 0, ...more };
}

export const CLEAN = { isClean: true, report: "", seconds: 1, peakBytes: 1 };

/** Debits at 2.5 times what they are compared with. */
export function result(more: Partial<WorkloadResult> = {}): WorkloadResult {
  return {
    ...{ name: "debit", store: "postgres", figure: "callsPerSecond", referenceName: "TPC-B", also: [], calls: 100 },
    goal: { floor: 2, target: 3, isBetter: "higher" },
    runs: [run(2_000), run(3_500), run(2_500)],
    references: [1_000, 1_000, 1_000],
    audit: CLEAN,
    ...more,
  };
}
