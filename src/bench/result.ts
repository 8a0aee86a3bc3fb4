import type { Figure, RunReport } from "./figures.js";
import { failuresOf } from "./load.js";
import type { AuditResult } from "./service-process.js";
import type { AbsoluteFigure, Goal, Workload } from "./workload.js";

/** The middle of some figures, and how far apart they are. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What became of one workload. */
export interface WorkloadResult {
  readonly name: Workload["name"];
  readonly store: Workload["store"];
  readonly figure: Figure;
  readonly referenceName: string;
  readonly goal: Goal;
  readonly also: readonly AbsoluteFigure[];
  /** Calls in each run. */
  readonly calls: number;
  readonly runs: readonly RunReport[];
  /** What each run is compared with, measured right before it, in the unit of `figure`; empty where it can't be measured here. */
  readonly references: readonly number[];
  /** Undefined where the database was filled past the service. */
  readonly audit: AuditResult | undefined;
}

/** How a ratio stands to its goal; "unknown" without a ratio. */
export type Verdict = "target" | "floor" | "missed" | "unknown";

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The ratio of each run to what was measured right before it; undefined without anything to compare with. */
export function ratioOf({ runs, references, figure }: WorkloadResult): Spread | undefined {
  if (references.length < runs.length) return undefined;
  return spreadOf(runs.map((run, index) => (run[figure] ?? Number.NaN) / (references[index] ?? Number.NaN)));
}

/** The median ratio against its goal. */
export function verdictOf(result: WorkloadResult): Verdict {
  return verdictOn(ratioOf(result)?.median, result.goal);
}

/** What the runs say of a figure that is compared with nothing. */
export function absoluteOf({ runs }: WorkloadResult, figure: Figure): Spread {
  return spreadOf(runs.map((run) => run[figure] ?? Number.NaN));
}

/** A value against a goal; "unknown" without either. */
export function verdictOn(value: number | undefined, goal: Goal | undefined): Verdict {
  if (value === undefined || Number.isNaN(value) || !goal) return "unknown";
  if (reaches(value, goal.target, goal)) return "target";
  return reaches(value, goal.floor, goal) ? "floor" : "missed";
}

/** Calls of all runs that went wrong in any way. */
export function failedCalls(result: WorkloadResult): number {
  return result.runs.reduce((sum, run) => sum + failuresOf(run), 0);
}

/** Whether the figures count at all: every call was answered without an error and the books, if there are any, are right. */
export function isValid(result: WorkloadResult): boolean {
  return (result.audit?.isClean ?? true) && failedCalls(result) === 0;
}

function reaches(ratio: number, bound: number, { isBetter }: Goal): boolean {
  return isBetter === "higher" ? ratio >= bound : ratio <= bound;
}
