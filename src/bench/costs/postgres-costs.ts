import { query } from "../query.js";
import { cpuMicrosOf } from "./cpu-time.js";

/** What one statement of the service took during a run, all its executions together, for a call. */
export interface StatementCost {
  /** How it begins, in one line. */
  readonly text: string;
  /** Executions. */
  readonly executions: number;
  /** Microseconds of Postgres, waiting for locks and disks included. */
  readonly micros: number;
  readonly rows: number;
  readonly walBytes: number;
  readonly walRecords: number;
  /** Pages of 8 KB that it looked at, found in Postgres' memory or not. */
  readonly pages: number;
}

/** Statements that take less than that of a call are left out. */
const LEAST_MICROS = 0.1;
const MOST_STATEMENTS = 20;
const TEXT_LENGTH = 48;
const THIS_DATABASE = "select oid from pg_database where datname = current_database()";

/** Looks at the server that a service writes to. */
export class PostgresCosts {
  /**
   * @param databaseUrl the service's
   * @param serverPid of the server's first process; undefined if it is somebody else's, or elsewhere
   * @param seesStatements whether the server has loaded pg_stat_statements and is to be asked
   */
  constructor(
    private readonly databaseUrl: string,
    private readonly serverPid: number | undefined,
    private readonly seesStatements: boolean,
  ) {}

  /** Of all its processes, those that write to the disk behind everybody included. */
  async cpuMicros(): Promise<number | undefined> {
    return this.serverPid === undefined ? undefined : cpuMicrosOf(this.serverPid);
  }

  /** How many bytes the server has written to its WAL since it was made. */
  async walPosition(): Promise<bigint> {
    const [row] = await query(this.databaseUrl, "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as bytes");
    return BigInt(row?.bytes as string);
  }

  /** @throws Error if the server doesn't have pg_stat_statements */
  async forgetStatements(): Promise<void> {
    if (!this.seesStatements) return;
    await query(this.databaseUrl, "create extension if not exists pg_stat_statements");
    await query(this.databaseUrl, `select pg_stat_statements_reset(0, (${THIS_DATABASE}), 0)`);
  }

  /** What the statements since then have cost a call, dearest first; undefined if nobody asked for it. */
  async statements(calls: number): Promise<readonly StatementCost[] | undefined> {
    if (!this.seesStatements) return undefined;
    const rows = await query(
      this.databaseUrl,
      `select left(regexp_replace(regexp_replace(query, '\\s+', ' ', 'g'), '^select .*? from ', 'select … from '), ${TEXT_LENGTH}) as text, sum(calls)::float8 as executions,
         sum(total_exec_time)::float8 * 1000 as micros, sum(rows)::float8 as rows, sum(wal_bytes)::float8 as "walBytes",
         sum(wal_records)::float8 as "walRecords", sum(shared_blks_hit + shared_blks_read)::float8 as pages
       from pg_stat_statements where dbid = (${THIS_DATABASE})
         and query !~ 'pg_stat_statements|pg_wal_lsn'
       group by queryid, query order by micros desc limit ${MOST_STATEMENTS}`,
    );
    return rows
      .map(({ text, ...sums }) => ({ text: text as string, ...perCall(sums as Sums, calls) }))
      .filter(({ micros }) => micros >= LEAST_MICROS);
  }
}

type Sums = Omit<StatementCost, "text">;

function perCall(sums: Sums, calls: number): Sums {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / calls])) as unknown as Sums;
}
