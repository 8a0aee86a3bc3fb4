import createKnex, { type Knex } from "knex";
import pg from "pg";
import type { EpochMicros } from "../../domain/time.js";
import type { AuditStore, AuditView, SnapshotOptions } from "../audit-store.js";
import type { AuditReader } from "../knex/audit-reader.js";
import { composeStore } from "../knex/compose.js";
import { newestTime } from "../knex/newest-time.js";
import { QUIET } from "../knex/quiet.js";
import { ReadLanes } from "../knex/read-lanes.js";
import { KnownRows } from "../known-rows.js";
import type { Dialect } from "../migrations/migrations.js";
import type { LedgerStore, LedgerTransaction, Pacing, Store } from "../store.js";
import { PostgresAuditView } from "./audit-view.js";
import { copyRows, copyValues } from "./copy-rows.js";
import { isDuplicateInPostgres, translatePostgresError } from "./errors.js";
import { PipelinedTransaction } from "./pipelined-transaction.js";
import { PostgresLedgerTransaction } from "./postgres-ledger.js";

/** Bytewise collation: ids sort as on SQLite, and comparing them is cheap. */
const DIALECT: Dialect = {
  text: 'text collate "C"',
  uuid: "uuid",
  bytes: "bytea",
  float8: "double precision",
  hasFillfactor: true,
};

const WRITE_CONNECTIONS = 4;
/** While one batch waits for the server, another makes use of this process, and a third is ready to (docs/decisions/0022). With fewer in one, what a batch costs by itself would count. */
const PACING: Pacing = { transactionsAtOnce: 3, leastShare: 128, loadsAhead: false };
const READ_CONNECTIONS = 8;
/** As many as slices of VerifyLedger run at once, and an audit's. */
const SNAPSHOT_CONNECTIONS = 8;

/** Bounds on the server's side, so that a lost client holds no lock for long. */
const STATEMENT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 8_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** Bounds on ours, for a server that has gone silent. */
const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 12_000;
const ACQUIRE_TIMEOUT_MS = 4_000;
/** An audit of a large store takes as long as it takes, and holds up nobody. */
const UNBOUNDED = { statement_timeout: 0, idle_in_transaction_session_timeout: 0, query_timeout: 0 };
/** A slice seldom looks up one row twice, so remembering what it looked up costs an audit more than it saves; and processes that help with a slice read far beyond its end, while the cores are busy as it is. */
const BY_SLICE = "-c enable_memoize=off -c jit=off -c max_parallel_workers_per_gather=0";

/**
 * The writer looks every row up by its key. Its plans are kept, so one made while the tables were small would scan them for ever after; these settings leave the keys as the only way.
 */
const BY_KEY = [
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
  "plan_cache_mode=force_generic_plan",
  "jit=off",
]
  .map((setting) => `-c ${setting}`)
  .join(" ");

/** The production store. Any number of instances may share one database. @param url postgres://… */
export function openPostgresStore(url: string): Store {
  // For the ledger's transactions alone, which watch for silence themselves: nothing else may wait on one of these without a bound.
  const writing = { options: BY_KEY, pipeline: true, query_timeout: 0 } as Knex.PgConnectionConfig;
  const batches = connect(url, WRITE_CONNECTIONS, writing);
  const singles = connect(url, READ_CONNECTIONS);
  const snapshots = connect(url, SNAPSHOT_CONNECTIONS, { ...UNBOUNDED, options: BY_SLICE });
  return composeStore({
    backend: "postgres",
    writes: singles,
    reads: singles,
    others: [batches, snapshots],
    migrating: { dialect: DIALECT, isDuplicate: isDuplicateInPostgres },
    translate: translatePostgresError,
    ledger: new PostgresLedger(batches, singles),
    audit: new PostgresAudit(snapshots),
  });
}

class PostgresLedger implements LedgerStore {
  readonly pacing = PACING;

  private readonly knownRows = new KnownRows();

  /** @param singles for what is no batch */
  constructor(
    private readonly batches: Knex,
    private readonly singles: Knex,
  ) {}

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    return this.knownRows.remembering((rows) =>
      PipelinedTransaction.run(this.batches, (transaction) => work(new PostgresLedgerTransaction(transaction, rows))),
    );
  }

  newestTime(): Promise<EpochMicros> {
    return newestTime(this.singles, translatePostgresError);
  }
}

class PostgresAudit implements AuditStore {
  constructor(private readonly knex: Knex) {}

  async snapshot<T>(work: (view: AuditView) => Promise<T>, options: SnapshotOptions = {}): Promise<T> {
    const { readsAtOnce = 1 } = options;
    let { moment } = options;
    const transactions: Knex.Transaction[] = [];
    const begin = async (): Promise<Knex.Transaction> => {
      const transaction = await this.knex.transaction(undefined, { isolationLevel: "repeatable read", readOnly: true });
      transactions.push(transaction);
      if (moment !== undefined) await transaction.raw(`set transaction snapshot ${pg.escapeLiteral(moment)}`);
      return transaction;
    };
    try {
      const first = await begin();
      if (readsAtOnce > 1) moment ??= (await first.raw("select pg_export_snapshot() as moment")).rows[0].moment;
      while (transactions.length < readsAtOnce) await begin();
      const lanes = new ReadLanes(await Promise.all(transactions.map(clientOf)));
      const reader: AuditReader = {
        rows: (statement) => lanes.use((client) => copyRows(client, statement)),
        values: (statement, from) => lanes.use((client) => copyValues(client, statement, from)),
        valuesOfStretch: (statement, from) =>
          lanes.use(async (client) => {
            // Statistics older than the stretch take it for a row or two (docs/decisions/0032).
            await client.query("set local enable_nestloop = off");
            const values = await copyValues(client, statement, from);
            await client.query("set local enable_nestloop = on");
            return values;
          }),
        uuidOf: (column) => `case when ${isUuidSql(column)} then cast(${column} as uuid) end`,
      };
      try {
        return await work(new PostgresAuditView(first, reader, moment, lanes));
      } finally {
        await lanes.idle();
      }
    } catch (error) {
      throw translatePostgresError(error);
    } finally {
      // They have only read; one whose connection has broken can't even be told.
      await Promise.allSettled(transactions.map((transaction) => transaction.rollback()));
    }
  }
}

/** Whether a text can be made a uuid of: dashes where they belong, none elsewhere, and digits. One regular expression for all of it takes five times as long. */
function isUuidSql(text: string): string {
  return `${text} like '________-____-____-____-____________' and length(replace(${text}, '-', '')) = 32 and ${text} ~ '^[0-9a-f-]*$'`;
}

/** The connection that a transaction runs on. */
function clientOf(transaction: Knex.Transaction): Promise<pg.ClientBase> {
  return transaction.client.acquireConnection();
}

/** int8 arrives as bigint, on these connections only. */
const TYPES = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    return oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format as "text");
  },
};

function connect(url: string, connections: number, overrides: Knex.PgConnectionConfig = {}): Knex {
  return createKnex({
    client: "pg",
    log: QUIET,
    connection: {
      connectionString: url,
      application_name: "tollgate",
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      types: TYPES,
      ...overrides,
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: connections },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
  });
}
