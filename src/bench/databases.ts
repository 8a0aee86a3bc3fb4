import { randomBytes } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresCosts } from "./costs/postgres-costs.js";
import type { BenchOptions } from "./options.js";
import { type PostgresServer, startPostgres } from "./postgres-server.js";
import { query } from "./query.js";
import type { Stoppable } from "./resources.js";

/** A throw-away database; stopping it deletes it. */
export interface BenchDatabase extends Stoppable {
  /** As TOLLGATE_DATABASE_URL takes it. */
  readonly url: string;
}

/** A SQLite file in a folder of its own. */
export async function makeSqliteDatabase(): Promise<BenchDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-bench-"));
  return {
    url: `sqlite:${join(directory, "bench.db")}`,
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}

type ServerOptions = Pick<BenchOptions, "databaseUrl" | "statements" | "explain">;

/** Of the service's statements, the share whose plans are written down: some hundreds of a run. */
const EXPLAINED_SHARE = 0.05;

/** What auto_explain writes down of them: no values, each of which is an array of a whole batch. Only the service's databases have another sample rate. */
const EXPLAINING = [
  "log_min_duration=0",
  "log_analyze=on",
  "log_buffers=on",
  "log_wal=on",
  "log_parameter_max_length=0",
  "sample_rate=0",
].map((setting) => `auto_explain.${setting}`);

/** The Postgres server that everything of one bench is measured on. */
export class BenchPostgres implements Stoppable {
  private constructor(
    private readonly server: Pick<PostgresServer, "url" | "stop"> & Partial<PostgresServer>,
    private readonly options: ServerOptions,
    /** "18.4" */
    readonly version: string,
  ) {}

  /** @throws Error if the server can't be reached, or can't do what is asked for */
  static async start(options: ServerOptions): Promise<BenchPostgres> {
    const { databaseUrl } = options;
    const server = databaseUrl === undefined ? await startOwn(options) : { url: databaseUrl, stop: async () => {} };
    try {
      const [row] = await query(server.url, "show server_version");
      return new BenchPostgres(server, options, String(row?.server_version));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** @param purpose goes into the name: a-z, 0-9 and _ */
  async makeDatabase(purpose: string): Promise<BenchDatabase> {
    const name = `tollgate_bench_${purpose}_${randomBytes(4).toString("hex")}`;
    await query(this.server.url, `create database ${name} template template0 encoding 'UTF8'`);
    if (this.options.explain !== undefined && purpose !== "pgbench") {
      await query(this.server.url, `alter database ${name} set auto_explain.sample_rate = ${EXPLAINED_SHARE}`);
    }
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    return {
      url: url.href,
      stop: () => query(this.server.url, `drop database if exists ${name} with (force)`),
    };
  }

  /** What a service on one of its databases costs it. */
  costsOf(database: BenchDatabase): PostgresCosts {
    return new PostgresCosts(database.url, this.server.pid, this.options.statements);
  }

  /** Writes out what preparing has left in memory, so that it doesn't fall into the first measurement. */
  async checkpoint(): Promise<void> {
    await query(this.server.url, "checkpoint");
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

/** With what it takes to look into it, if that is asked for: an extension that isn't used would cost something, too. */
function startOwn({ statements, explain }: ServerOptions): Promise<PostgresServer> {
  const extensions: string[] = [];
  if (statements) extensions.push("pg_stat_statements");
  if (explain !== undefined) extensions.push("auto_explain");
  const settings = [`shared_preload_libraries=${extensions.join(",")}`];
  if (explain === undefined) return startPostgres(settings);
  writeFileSync(explain, "");
  return startPostgres([...settings, ...EXPLAINING], (text) => appendFileSync(explain, text));
}
