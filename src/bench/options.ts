/** Every workload there is; docs/performance.md says what each stands for. */
export const WORKLOAD_NAMES = [
  ...(["debit", "complete", "complete-hot", "batch-post", "debit-one", "get-balance"] as const),
  "debit-two-processes",
  ...(["earnings-by-day", "earnings-by-asset", "rewards-first", "rewards-middle", "rewards-last"] as const),
  ...(["overload", "audit", "memory"] as const),
] as const;

export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

export type StoreName = "sqlite" | "postgres";

/** What to measure, and how long. */
export interface BenchOptions {
  readonly only: readonly WorkloadName[];
  readonly stores: readonly StoreName[];
  /** Seconds that each run takes: the warm-up says how many calls that is. */
  readonly seconds: number;
  /** Calls in one run, of every workload, however long they take; undefined leaves that to `seconds`. */
  readonly calls: number | undefined;
  /** Processes of the service on Postgres, behind one port, where a workload doesn't say otherwise. */
  readonly workers: number;
  /** Rewards of the one creator whose earnings are read. */
  readonly rewards: number;
  /** Runs of each workload, after the warm-up. */
  readonly runs: number;
  /** Seconds of pgbench for each number of clients, spread over the runs of a workload. */
  readonly pgbenchSeconds: number;
  /** A Postgres server to make throw-away databases on; undefined starts one. */
  readonly databaseUrl: string | undefined;
  /** A folder for a CPU profile of each service process (.cpuprofile); undefined makes none. Profiling slows what it looks at. */
  readonly profile: string | undefined;
  /** Whether to ask Postgres what each statement took (pg_stat_statements), which costs it some percent. */
  readonly statements: boolean;
  /** A file for plans of some of the service's statements as they were carried out (auto_explain); undefined makes none. Only of a server of the bench's own, which it slows. */
  readonly explain: string | undefined;
}
