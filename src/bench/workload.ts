import type { Caller } from "./caller.js";
import type { LoadReport } from "./load.js";
import type { StoreName, WorkloadName } from "./options.js";
import type { Pgbench } from "./pgbench.js";
import type { Resources } from "./resources.js";

/** What a ratio has to reach (performance.md). */
export interface Goal {
  readonly floor: number;
  readonly target: number;
  /** Rates are to be high, latencies low. */
  readonly isBetter: "higher" | "lower";
}

/** What a workload has to work with. */
export interface Bench {
  /** Calls the service under measurement. */
  readonly caller: Caller;
  /** Undefined where pgbench isn't installed, and on SQLite. */
  readonly pgbench: Pgbench | undefined;
  /** Seconds of pgbench for each number of clients in one run. */
  readonly pgbenchSeconds: number;
  /** Rewards of the one creator in a database filled with rewards. */
  readonly rewards: number;
  /** As TOLLGATE_DATABASE_URL takes it: the service's, for another one beside it. */
  readonly databaseUrl: string;
  /** What the workload starts besides; stopped with it. */
  readonly resources: Resources;
}

/** One thing that is measured, and what it is compared with. */
export interface Workload {
  readonly name: WorkloadName;
  readonly store: StoreName;
  /** What it is compared with, for the table. */
  readonly referenceName: string;
  /** Set if it reads a database that all such workloads share, filled past the service, so that its books can't be audited. */
  readonly data?: "rewards";
  /** Which figure is compared: calls per second, or a latency in milliseconds, the median or what 95 % stay within. */
  readonly figure: "callsPerSecond" | "p50Ms" | "p95Ms";
  readonly goal: Goal;
  /** Calls in one run unless told otherwise, so that a run takes a few seconds on two cores. */
  readonly calls: number;
  /** Processes of the service under measurement. Default: as the options say on Postgres, 1 on SQLite */
  readonly workers?: number;
  /** Makes what the runs need. */
  prepare(bench: Bench): Promise<Measurable>;
}

/** A prepared workload; runs and references take turns, so that both meet the same machine. */
export interface Measurable {
  /** Makes so many calls and reports on these alone, not on what had to be made for them. */
  run(calls: number): Promise<LoadReport>;
  /** The same figure of what it is compared with; undefined where that can't be measured here. */
  reference(calls: number): Promise<number | undefined>;
}
