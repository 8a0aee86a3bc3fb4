import type { Figure } from "../figures.js";
import { absoluteOf, type WorkloadResult } from "../result.js";
import { rounded, table, withSpread } from "../table.js";
import type { StatementCost } from "./postgres-costs.js";

const FIGURES = ["nodeCpuMicros", "postgresCpuMicros", "walBytes"] as const satisfies readonly Figure[];
const HEADER = ["what a call costs", "store", "Node, µs of CPU", "Postgres, µs of CPU", "WAL, bytes"];

const STATEMENT_HEADER = ["calls at once", "µs each", "µs", "rows", "WAL bytes", "WAL records", "pages", "statement"];

/** What the calls of each workload cost, as far as that could be seen; then the statements of each, where they were asked for. */
export function costSections(results: readonly WorkloadResult[]): string[] {
  const seen = results.filter(({ runs }) => FIGURES.some((figure) => runs[0]?.[figure] !== undefined));
  const costs = seen.map((result) => [
    result.name,
    result.store,
    ...FIGURES.map((figure) => withSpread(absoluteOf(result, figure))),
  ]);
  return [...(costs.length > 0 ? [table([HEADER, ...costs])] : []), ...seen.flatMap(statementSections)];
}

/** Of the last run: how many calls shared an execution, what one took, and for the rest what it is for a call. */
function statementSections({ name, store, runs }: WorkloadResult): string[] {
  const statements = runs.at(-1)?.statements;
  if (!statements) return [];
  return [`${name} on ${store}, a call:\n${table([STATEMENT_HEADER, ...statements.map(statementRow)])}`];
}

function statementRow(cost: StatementCost): string[] {
  const { text, executions, micros, rows, walBytes, walRecords, pages } = cost;
  const figures = [1 / executions, micros / executions, micros, rows, walBytes, walRecords, pages];
  return [...figures.map(rounded), text];
}
