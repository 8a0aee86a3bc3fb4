import type { Machine } from "./machine.js";
import { failedCalls, isValid, ratioOf, type Spread, spreadOf, verdictOf, type WorkloadResult } from "./result.js";

const BYTES_PER_GIB = 1024 ** 3;
const COLUMNS = ["workload", "store", "calls/s", "p50 ms", "p95 ms", "p99 ms", "errors", "compared with", "ratio"];
const HEADER = [...COLUMNS, "floor", "target", "met"];
const VERDICTS = { target: "target", floor: "floor", missed: "NO", unknown: "–" } as const;

/** A bench's report for people: the table, what is wrong, and what it was measured on. Medians, where there is room with (min–max). Ends with a line break. */
export function formatReport(results: readonly WorkloadResult[], machine: Machine): string {
  const sections = [
    table([HEADER, ...results.map(row)]),
    ...results.filter((result) => !isValid(result)).map(complaint),
    machineLines(machine),
  ];
  return `${sections.join("\n\n")}\n`;
}

function row(result: WorkloadResult): string[] {
  const { runs, references, goal, figure } = result;
  const ratio = ratioOf(result);
  const sign = goal.isBetter === "higher" ? "≥" : "≤";
  const unit = figure === "callsPerSecond" ? "/s" : " ms";
  const compared = references.length > 0 ? `: ${withSpread(spreadOf(references))}${unit}` : ": not measured";
  return [
    result.name,
    result.store,
    withSpread(spreadOf(runs.map((run) => run.callsPerSecond))),
    rounded(spreadOf(runs.map((run) => run.p50Ms)).median),
    rounded(spreadOf(runs.map((run) => run.p95Ms)).median),
    rounded(spreadOf(runs.map((run) => run.p99Ms)).median),
    String(failedCalls(result)),
    `${result.referenceName}${compared}`,
    ratio ? withSpread(ratio) : "–",
    `${sign} ${goal.floor}`,
    `${sign} ${goal.target}`,
    VERDICTS[verdictOf(result)],
  ];
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

function machineLines({ cores, cpuModel, memoryBytes, node, postgres, commit }: Machine): string {
  return [
    `${cores} × ${cpuModel}, ${(memoryBytes / BYTES_PER_GIB).toFixed(1)} GiB`,
    `Node ${node}, Postgres ${postgres ?? "not used"}, commit ${commit?.slice(0, 12) ?? "unknown"}`,
  ].join("\n");
}

function withSpread({ median, min, max }: Spread): string {
  return `${rounded(median)} (${rounded(min)}–${rounded(max)})`;
}

/** Three digits or more, whatever the size. */
function rounded(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 10 ? 1 : 2);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
