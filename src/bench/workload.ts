import type { Caller } from "./caller.js";
import type { Figure, RunReport } from "./figures.js";
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

/** A figure that is judged as it is, or only told. */
export interface AbsoluteFigure {
  /** For the table. */
  readonly name: string;
  readonly figure: Figure;
  /** Undefined for one that helps to understand the others. */
  readonly goal?: Goal;
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
  /** The service's, for a look at what it uses. */
  readonly servicePid: number;
  /** As TOLLGATE_DATABASE_URL takes it: the service's, for a look from outside, or another one beside it. */
  readonly databaseUrl: string;
  /** Says how far a long run is. @param share of the run, 0 to 1 */
  say(text: string, share: number): void;
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
  /** Which figure is compared. */
  readonly figure: Figure;
  readonly goal: Goal;
  /** What else it finds out, which is compared with nothing. */
  readonly also?: readonly AbsoluteFigure[];
  /** Set if it takes so long that it is only measured when asked for by name, and then in one run without a warm-up. */
  readonly isLong?: true;
  /** Twice the calls of the warm-up, unless the options say how many; and of each run, if it is of one size. */
  readonly calls: number;
  /** Set if a run isn't made longer or shorter by how quick the machine is. */
  readonly isOfOneSize?: true;
  /** Processes of the service under measurement. Default: as the options say on Postgres, 1 on SQLite */
  readonly workers?: number;
  /** Makes what the runs need. */
  prepare(bench: Bench): Promise<Measurable>;
}

/** A prepared workload; runs and references take turns, so that both meet the same machine. */
export interface Measurable {
  /** Makes so many calls and reports on these alone, not on what had to be made for them. */
  run(calls: number): Promise<RunReport>;
  /** The same figure of what it is compared with; undefined where that can't be measured here. */
  reference(calls: number): Promise<number | undefined>;
}
