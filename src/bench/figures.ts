import type { StatementCost } from "./costs/postgres-costs.js";
import type { LoadReport } from "./load.js";

/** What a run can be judged by, each with its unit for the table. */
export const FIGURE_UNITS = {
  callsPerSecond: "/s",
  p50Ms: " ms",
  p95Ms: " ms",
  /** What the service's process has resident after the last call; a megabyte is 10^6 bytes. */
  residentMegabytes: " MB",
  /** How much that grew over the last quarter of the calls, in percent of what it was when that began. */
  slopePercent: " %",
  /** The most that a process ever had resident. */
  peakMegabytes: " MB",
  /** What 99 % of the refusals under overload stayed within. */
  refusalP99Ms: " ms",
  /** Calls served under overload, in percent of those that can be sustained. */
  keptPercent: " %",
  /** From the end of an overload until calls take as long as before it; Infinity if they never did. */
  recoverySeconds: " s",
  /** Calls sent under overload, as a multiple of those that can be sustained. */
  offeredTimes: " ×",
  /** Calls under overload that were neither served nor refused before their deadline, in percent. */
  latePercent: " %",
  /** Calls that the generator didn't send, because too many were in flight or it was late itself, in percent. */
  unsentPercent: " %",
  /** CPU of the service's processes for a call, their threads and collections included. */
  nodeCpuMicros: " µs",
  /** CPU of all of the database server's processes for a call. */
  postgresCpuMicros: " µs",
  /** What the server wrote to its WAL for a call. */
  walBytes: " B",
} as const;

export type Figure = keyof typeof FIGURE_UNITS;

/** What a run found: what became of its calls, and figures that only some workloads have. */
export type RunReport = LoadReport & { readonly [Own in Exclude<Figure, keyof LoadReport>]?: number } & {
  /** What the service's statements have cost a call, where that was asked for. */
  readonly statements?: readonly StatementCost[];
};
