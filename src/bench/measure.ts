import { Caller, CONNECTIONS_PER_PROCESS } from "./caller.js";
import { CostMeter } from "./costs/cost-meter.js";
import { type BenchDatabase, type BenchPostgres, makeSqliteDatabase } from "./databases.js";
import type { RunReport } from "./figures.js";
import { LoadClient } from "./load-client.js";
import type { BenchOptions } from "./options.js";
import type { Pgbench } from "./pgbench.js";
import type { Progress } from "./progress.js";
import type { Resources } from "./resources.js";
import type { WorkloadResult } from "./result.js";
import type { FilledDatabase } from "./rewards/filled-database.js";
import { auditBooks, startService } from "./service-process.js";
import type { Measurable, Workload } from "./workload.js";

/** In one run, so that what they leave behind doesn't fill a disk. */
export const MOST_CALLS = 1_000_000;

/** What the workloads of one bench share. */
export interface Shared {
  readonly options: BenchOptions;
  /** Undefined if only SQLite is measured. */
  readonly postgres: BenchPostgres | undefined;
  readonly pgbench: Pgbench | undefined;
  readonly progress: Progress;
  /** The database with rewards, filled for the first workload that reads it. */
  readonly filled: FilledDatabase;
}

/** Measures a workload on a service and a database of its own, and audits what it left behind. @param resources takes all that is started */
export async function measure(workload: Workload, shared: Shared, resources: Resources): Promise<WorkloadResult> {
  const { options, pgbench, progress } = shared;
  const title = `${workload.name} on ${workload.store}`;
  const database = await databaseFor(workload, shared, resources);

  const prepared = await progress.step(`${title}: preparing`, async () => {
    const workers = workload.workers ?? (workload.store === "postgres" ? options.workers : 1);
    const service = resources.add(await startService(database.url, options.profile, workers));
    const client = resources.add(LoadClient.start());
    const costs = workload.store === "postgres" ? shared.postgres?.costsOf(database) : undefined;
    const meter = new CostMeter(service.pid, costs);
    const caller = new Caller(client, service.grpcAddress, workers * CONNECTIONS_PER_PROCESS, meter);
    const pgbenchSeconds = Math.ceil(options.pgbenchSeconds / options.runs);
    return workload.prepare({
      ...{ caller, pgbench, pgbenchSeconds, rewards: options.rewards, resources },
      ...{ servicePid: service.pid, databaseUrl: database.url },
      say: (text, share) => progress.detail(`${title}: ${text}`, share),
    });
  });
  const calls = await progress.step(`${title}: warming up`, () => warmUp(workload, options, prepared));
  const runs: RunReport[] = [];
  const references: number[] = [];
  const times = workload.isLong ? 1 : options.runs;
  for (let run = 1; run <= times; run++) {
    await progress.step(`${title}: run ${run} of ${times}`, () => measureOnce(prepared, calls, runs, references));
  }
  const audit = workload.data ? undefined : await progress.step(`${title}: auditing`, () => auditBooks(database.url));
  const { name, store, figure, referenceName, goal, also = [] } = workload;
  return { name, store, figure, referenceName, goal, also, calls, runs, references, audit };
}

/** Makes calls that don't count. @returns how many each run has to make */
async function warmUp(workload: Workload, options: BenchOptions, prepared: Measurable): Promise<number> {
  const asked = options.calls ?? workload.calls;
  if (workload.isLong) return asked;
  const { callsPerSecond } = await prepared.run(Math.ceil(asked / 2));
  if (options.calls !== undefined || workload.isOfOneSize) return asked;
  return Math.min(MOST_CALLS, Math.ceil(callsPerSecond * options.seconds));
}

async function measureOnce(
  prepared: Measurable,
  calls: number,
  runs: RunReport[],
  references: number[],
): Promise<void> {
  const reference = await prepared.reference(calls);
  if (reference !== undefined) references.push(reference);
  runs.push(await prepared.run(calls));
}

async function databaseFor(workload: Workload, shared: Shared, resources: Resources): Promise<BenchDatabase> {
  if (!workload.data) return resources.add(await makeDatabase(workload, shared.postgres));
  return shared.filled.get(() => makeDatabase(workload, shared.postgres));
}

function makeDatabase({ store, name }: Workload, postgres: BenchPostgres | undefined): Promise<BenchDatabase> {
  if (store === "sqlite") return makeSqliteDatabase();
  if (!postgres) throw new Error("a workload on Postgres needs one");
  return postgres.makeDatabase(name.replaceAll("-", "_"));
}
