import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type PostgresServer, startPostgres } from "./postgres-server.js";
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

/** The Postgres server that everything of one bench is measured on. */
export class BenchPostgres implements Stoppable {
  private constructor(
    private readonly server: PostgresServer,
    /** "18.4" */
    readonly version: string,
  ) {}

  /** @param givenUrl a server to use; undefined starts one */
  static async start(givenUrl: string | undefined): Promise<BenchPostgres> {
    const server = givenUrl === undefined ? await startPostgres() : { url: givenUrl, stop: async () => {} };
    try {
      const [row] = await query(server.url, "show server_version");
      return new BenchPostgres(server, String(row?.server_version));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** @param purpose goes into the name: a-z, 0-9 and _ */
  async makeDatabase(purpose: string): Promise<BenchDatabase> {
    const name = `tollgate_bench_${purpose}_${randomBytes(4).toString("hex")}`;
    await query(this.server.url, `create database ${name} template template0 encoding 'UTF8'`);
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    return {
      url: url.href,
      stop: () => query(this.server.url, `drop database if exists ${name} with (force)`),
    };
  }

  /** Writes out what preparing has left in memory, so that it doesn't fall into the first measurement. */
  async checkpoint(): Promise<void> {
    await query(this.server.url, "checkpoint");
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
