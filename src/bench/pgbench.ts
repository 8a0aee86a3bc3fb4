import { runToEnd } from "./child-process.js";
import type { BenchDatabase, BenchPostgres } from "./databases.js";
import type { Stoppable } from "./resources.js";

const SCALE = 50;

/** One pgbench measurement of TPC-B: a transaction of three updates, a read and an insert. */
export interface PgbenchResult {
  readonly transactionsPerSecond: number;
  /** Average milliseconds of a transaction. */
  readonly latencyMs: number;
}

/** pgbench's TPC-B at scale 50 on a database of its own. */
export class Pgbench implements Stoppable {
  private constructor(
    private readonly database: BenchDatabase,
    /** "15.18" */
    readonly version: string,
  ) {}

  /** Fills a database of pgbench's own; undefined if pgbench isn't on PATH. */
  static async start(postgres: BenchPostgres): Promise<Pgbench | undefined> {
    const version = await installedVersion();
    if (version === undefined) return undefined;
    const database = await postgres.makeDatabase("pgbench");
    try {
      await pgbench(database.url, ["-i", "-s", String(SCALE), "-q"]);
      await postgres.checkpoint();
      return new Pgbench(database, version);
    } catch (error) {
      await database.stop();
      throw error;
    }
  }

  /** @param seconds whole ones, at least 1 */
  async measure(clients: number, seconds: number): Promise<PgbenchResult> {
    const said = await pgbench(this.database.url, ["-M", "prepared", "-c", String(clients), "-T", String(seconds)]);
    return {
      transactionsPerSecond: numberIn(said, /tps = ([\d.]+)/),
      latencyMs: numberIn(said, /latency average = ([\d.]+) ms/),
    };
  }

  stop(): Promise<unknown> {
    return this.database.stop();
  }
}

/** Undefined if there is none. */
async function installedVersion(): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await runToEnd("pgbench", ["--version"]);
    return exitCode === 0 ? (/[\d.]+/.exec(stdout)?.[0] ?? "unknown") : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The password goes through the environment: parameters are for every user of the machine to see. */
async function pgbench(url: string, parameters: readonly string[]): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const done = await runToEnd("pgbench", parameters, {
    PGHOST: hostname,
    PGPORT: port || "5432",
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
  });
  if (done.exitCode !== 0) throw new Error(`pgbench ${parameters.join(" ")} failed: ${done.stderr}`);
  return done.stdout;
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`pgbench said nothing like ${pattern}: ${text}`);
  return Number(found);
}
