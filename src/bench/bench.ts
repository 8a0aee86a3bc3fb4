import { BenchPostgres } from "./databases.js";
import { describeMachine, type Machine } from "./machine.js";
import { measure, type Shared } from "./measure.js";
import type { BenchOptions } from "./options.js";
import { Pgbench } from "./pgbench.js";
import { Progress } from "./progress.js";
import { Resources } from "./resources.js";
import type { WorkloadResult } from "./result.js";
import { FilledDatabase } from "./rewards/filled-database.js";
import type { Workload } from "./workload.js";
import { selectWorkloads } from "./workloads/workloads.js";

/** Everything a bench has found out. */
export interface BenchResult {
  readonly machine: Machine;
  readonly results: readonly WorkloadResult[];
  /** What couldn't be measured, and why; the others are none the worse for it. */
  readonly failures: readonly string[];
  /** When it was over, and what was asked for. */
  readonly endedAt: string;
  readonly options: BenchOptions;
}

/**
 * Measures the built service. Everything it starts is on loopback and gone when this settles.
 * @param resources takes all that is started, so that a signal can stop it early
 * @throws Error if nothing is selected, or what all share can't be started
 */
export async function runBench(options: BenchOptions, resources: Resources): Promise<BenchResult> {
  const workloads = selectWorkloads(options.only, options.stores);
  if (workloads.length === 0) {
    throw new Error(`there is no ${options.only.join(" or ")} on ${options.stores.join(" or ")}`);
  }
  const progress = new Progress(workloads.length, options.runs);
  try {
    const shared = await startShared(options, workloads, progress, resources);
    const results: WorkloadResult[] = [];
    const failures: string[] = [];
    for (const workload of workloads) {
      try {
        results.push(await measureAlone(workload, shared, resources));
      } catch (error) {
        if (resources.isStopping) throw error;
        failures.push(
          `${workload.name} on ${workload.store} failed: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    const machine = await describeMachine(shared.postgres?.version, shared.pgbench?.version);
    return { machine, results, failures, endedAt: new Date().toISOString(), options };
  } finally {
    progress.stop();
    await resources.stop();
  }
}

/** Stops what a workload has started before the next one begins, so that they don't share the machine. */
async function measureAlone(workload: Workload, shared: Shared, all: Resources): Promise<WorkloadResult> {
  const own = all.add(new Resources());
  try {
    return await measure(workload, shared, own);
  } finally {
    await own.stop();
  }
}

async function startShared(
  options: BenchOptions,
  workloads: readonly Workload[],
  progress: Progress,
  resources: Resources,
): Promise<Shared> {
  const needsPostgres = workloads.some((workload) => workload.store === "postgres");
  const needsPgbench = workloads.some((workload) => workload.referenceName.startsWith("TPC-B"));
  const postgres = needsPostgres ? resources.add(await BenchPostgres.start(options)) : undefined;
  const pgbench = postgres && needsPgbench ? await Pgbench.start(postgres) : undefined;
  if (pgbench) resources.add(pgbench);
  const filled = resources.add(new FilledDatabase(options.rewards, (text, share) => progress.detail(text, share)));
  return { options, postgres, pgbench, progress, filled };
}
