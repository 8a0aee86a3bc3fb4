import type { BenchResult } from "./bench.js";
import { costSections } from "./costs/cost-report.js";
import { FIGURE_UNITS } from "./figures.js";
import type { Machine } from "./machine.js";
import {
  absoluteOf,
  failedCalls,
  isValid,
  ratioOf,
  spreadOf,
  verdictOf,
  verdictOn,
  type WorkloadResult,
} from "./result.js";
import { rounded, table, withSpread } from "./table.js";
import type { AbsoluteFigure, Goal } from "./workload.js";

const BYTES_PER_GIB = 1024 ** 3;
const COLUMNS = [
  "workload",
  "store",
  "calls",
  "calls/s",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "max ms",
  "errors",
  "dropped",
  "compared with",
  "ratio",
];
const HEADER = [...COLUMNS, "floor", "target", "met"];
const VERDICTS = { target: "target", floor: "floor", missed: "NO", unknown: "–" } as const;

type Reported = Pick<BenchResult, "results" | "machine" | "failures">;

/** A bench's report for people: the table, what is wrong, and what it was measured on. Medians, where there is room with (min–max); the longest call is that of all runs. Ends with a line break. */
export function formatReport({ results, machine, failures }: Reported): string {
  const sections = [
    ...(results.length > 0 ? [table([HEADER, ...results.flatMap(rows)])] : []),
    ...costSections(results),
    ...failures,
    ...results.filter((result) => !isValid(result)).map(complaint),
    ...unaudited(results),
    machineLines(machine),
  ];
  return `${sections.join("\n\n")}\n`;
}

function rows(result: WorkloadResult): string[][] {
  return [row(result), ...result.also.map((also) => alsoRow(result, also))];
}

function row(result: WorkloadResult): string[] {
  const { runs, references, goal, figure } = result;
  const ratio = ratioOf(result);
  const dropped = runs.reduce((sum, run) => sum + run.dropped, 0);
  const compared =
    references.length > 0 ? `: ${withSpread(spreadOf(references))}${FIGURE_UNITS[figure]}` : ": not measured";
  return [
    result.name,
    result.store,
    result.calls.toLocaleString("en-US"),
    withSpread(spreadOf(runs.map((run) => run.callsPerSecond))),
    rounded(spreadOf(runs.map((run) => run.p50Ms)).median),
    rounded(spreadOf(runs.map((run) => run.p95Ms)).median),
    rounded(spreadOf(runs.map((run) => run.p99Ms)).median),
    rounded(spreadOf(runs.map((run) => run.maxMs)).max),
    String(failedCalls(result) - dropped),
    String(dropped),
    `${result.referenceName}${compared}`,
    ratio ? withSpread(ratio) : "–",
    ...boundsOf(goal),
    VERDICTS[verdictOf(result)],
  ];
}

/** A further figure, under the row of its workload. */
function alsoRow(result: WorkloadResult, { name, figure, goal }: AbsoluteFigure): string[] {
  const value = absoluteOf(result, figure);
  return [
    ...[`  ${name}`, ...Array<string>(COLUMNS.length - 2).fill("")],
    `${withSpread(value)}${FIGURE_UNITS[figure]}`,
    ...boundsOf(goal),
    VERDICTS[verdictOn(value.median, goal)],
  ];
}

function boundsOf(goal: Goal | undefined): [string, string] {
  if (!goal) return ["–", "–"];
  const sign = goal.isBetter === "higher" ? "≥" : "≤";
  return [`${sign} ${goal.floor}`, `${sign} ${goal.target}`];
}

function complaint(result: WorkloadResult): string {
  const lines = result.runs.flatMap((run, index) => {
    const reasons = Object.entries(run.errors).map(([reason, count]) => `${count} × ${reason}`);
    if (run.dropped > 0) reasons.push(`${run.dropped} without an answer`);
    return reasons.length > 0 ? [`run ${index + 1}: ${reasons.join(", ")}`] : [];
  });
  if (result.audit && !result.audit.isClean) lines.push("the audit failed:", result.audit.report);
  return [`${result.name} on ${result.store} doesn't count:`, ...lines].join("\n");
}

function unaudited(results: readonly WorkloadResult[]): string[] {
  const names = results.filter(({ audit }) => audit === undefined).map(({ name }) => name);
  return names.length === 0
    ? []
    : [`not audited, as their rewards were filled in past the service: ${names.join(", ")}`];
}

function machineLines({ cores, cpuModel, memoryBytes, node, postgres, pgbench, commit }: Machine): string {
  return [
    `${cores} × ${cpuModel}, ${(memoryBytes / BYTES_PER_GIB).toFixed(1)} GiB`,
    `Node ${node}, Postgres ${postgres ?? "not used"}, pgbench ${pgbench ?? "not used"}, commit ${commit?.slice(0, 12) ?? "unknown"}`,
  ].join("\n");
}
