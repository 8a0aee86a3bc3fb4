import type { Caller } from "../caller.js";
import type { RunReport } from "../figures.js";
import type { LoadReport } from "../load.js";
import { residentMemory } from "../resident-memory.js";
import { spreadOf } from "../result.js";
import { type Sample, slopePercent } from "../slope.js";
import type { Bench, Workload } from "../workload.js";
import { completions, prepareParties, uniformParties } from "./complete.js";

/** Generations that are made and then settled before the next ones: a few seconds' work, which this process can hold. */
const MOST_AT_ONCE = 2_000;
/** Samples at least, of which a quarter is for the slope. */
const SAMPLES = 50;
const BYTES_PER_MEGABYTE = 1_000_000;

/** What the service's process has in memory after a million settlements, and whether that still grows at the end. */
export const MEMORY: Workload = {
  name: "memory",
  store: "postgres",
  referenceName: "resident at the end: one megabyte",
  figure: "residentMegabytes",
  goal: { floor: 400, target: 300, isBetter: "lower" },
  also: [
    { name: "grown in the last quarter", figure: "slopePercent", goal: { floor: 1, target: 1, isBetter: "lower" } },
    { name: "most at any time", figure: "peakMegabytes" },
  ],
  calls: 1_000_000,
  isLong: true,
  workers: 1,
  async prepare({ caller, servicePid, say }) {
    await prepareParties(caller);
    return { run: (calls) => settle(caller, calls, servicePid, say), reference: async () => 1 };
  },
};

/** Creates and completes generations in turn and looks at the service's memory after each turn. */
async function settle(caller: Caller, calls: number, servicePid: number, say: Bench["say"]): Promise<RunReport> {
  const atOnce = Math.min(MOST_AT_ONCE, Math.ceil(calls / SAMPLES));
  const samples: Sample[] = [];
  const reports: LoadReport[] = [];
  let peak = 0;
  for (let done = 0; done < calls; ) {
    const from = done;
    const report = await completions(caller, Math.min(atOnce, calls - from), (index) => uniformParties(from + index));
    done += Math.min(atOnce, calls - from);
    reports.push(report);
    const memory = await residentMemory(servicePid);
    if (!memory) throw new Error("the service has no memory: it has ended");
    peak = Math.max(peak, memory.peak);
    samples.push({ calls: done, value: memory.now });
    const rate = Math.round(report.callsPerSecond).toLocaleString("en-US");
    const resident = `${Math.round(memory.now / BYTES_PER_MEGABYTE)} MB resident`;
    say(`${done.toLocaleString("en-US")} settled, ${rate}/s, ${resident}`, done / calls);
  }
  return {
    ...combined(reports),
    residentMegabytes: (samples.at(-1)?.value ?? Number.NaN) / BYTES_PER_MEGABYTE,
    slopePercent: slopePercent(samples),
    peakMegabytes: peak / BYTES_PER_MEGABYTE,
  };
}

/** One report for all: sums, and of each quantile the median, since the latencies themselves aren't kept. */
function combined(reports: readonly LoadReport[]): LoadReport {
  const sum = (of: (report: LoadReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const median = (of: (report: LoadReport) => number): number => spreadOf(reports.map(of)).median;
  const errors: Record<string, number> = {};
  for (const report of reports) {
    for (const [reason, count] of Object.entries(report.errors)) errors[reason] = (errors[reason] ?? 0) + count;
  }
  const seconds = sum((report) => report.seconds);
  return {
    answered: sum((report) => report.answered),
    seconds,
    callsPerSecond: sum((report) => report.callsPerSecond * report.seconds) / seconds,
    p50Ms: median((report) => report.p50Ms),
    p95Ms: median((report) => report.p95Ms),
    p99Ms: median((report) => report.p99Ms),
    maxMs: Math.max(...reports.map((report) => report.maxMs)),
    errors,
    dropped: sum((report) => report.dropped),
  };
}
