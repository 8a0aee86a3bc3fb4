import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import createKnex, { type Knex } from "knex";
import { type EpochMicros, MICROS_PER_MILLISECOND } from "../../domain/time.js";
import type { AuditStore, AuditView } from "../audit-store.js";
import { KnexAuditView } from "../knex/audit.js";
import type { AuditReader } from "../knex/audit-reader.js";
import { composeStore } from "../knex/compose.js";
import { newestTime } from "../knex/newest-time.js";
import { QUIET } from "../knex/quiet.js";
import { ReadLanes } from "../knex/read-lanes.js";
import { KnownRows } from "../known-rows.js";
import type { Dialect } from "../migrations/migrations.js";
import type { LedgerStore, LedgerTransaction, Store } from "../store.js";
import { isDuplicateInSqlite, translateSqliteError } from "./errors.js";
import { SqliteLedgerTransaction } from "./sqlite-ledger.js";
import { connectThread } from "./thread-client.js";
import { ThreadTransaction } from "./thread-transaction.js";
import { BUSY_TIMEOUT_MS, takeWriteLock } from "./write-lock.js";
import { WriteSessions } from "./write-session.js";

const DIALECT: Dialect = { text: "text", uuid: "text", bytes: "blob", float8: "real", hasFillfactor: false };

/**
 * Pages of 4 KB after which the WAL goes back into the file: 128 MB. With a debit come four pages, so SQLite's own limit of a thousand would make every commit a checkpoint, too; and most of them are written again soon.
 * Until then it is read back at a start after a crash, for half a second.
 */
const CHECKPOINT_PAGES = 32_000;

/**
 * The embedded store: one file, one writing connection on a thread of its own (docs/decisions/0030), and a second, read-only one, so that reads don't wait for a batch. Durable at each commit (WAL,
 * synchronous=FULL).
 * @param path file, made if absent, its folder too; ":memory:" for a store that ends with the process
 */
export function openSqliteStore(path: string): Store {
  const isInMemory = path === ":memory:";
  if (!isInMemory) mkdirSync(dirname(path), { recursive: true });
  const writes = connectThread(path, [
    `busy_timeout = ${BUSY_TIMEOUT_MS}`,
    ...["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"],
    `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
  ]);
  // Two connections can't share an in-memory database.
  const reads = isInMemory ? writes : connect(path, ["query_only = ON"]);
  return composeStore({
    backend: "sqlite",
    writes,
    reads,
    migrating: { dialect: DIALECT, isDuplicate: isDuplicateInSqlite, begin: takeWriteLock },
    translate: translateSqliteError,
    ledger: new SqliteLedger(writes),
    audit: new SqliteAudit(isInMemory ? () => writes : () => connect(path, ["query_only = ON"]), !isInMemory),
  });
}

class SqliteLedger implements LedgerStore {
  /** One after the other on the thread, which finds the next one's loads and saves waiting: while one is saved, another is applied by the event loop, and a third has been loaded. */
  readonly pacing = { transactionsAtOnce: 3, leastShare: 64, loadsAhead: true };

  private readonly knownRows = new KnownRows();
  private readonly sessions: WriteSessions;
  private lastTime: EpochMicros = 0n;

  constructor(private readonly knex: Knex) {
    this.sessions = new WriteSessions(knex);
  }

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    return this.knownRows.remembering((rows) =>
      ThreadTransaction.run(this.sessions, (transaction) =>
        work(new SqliteLedgerTransaction(transaction, this.tick(), rows)),
      ),
    );
  }

  newestTime(): Promise<EpochMicros> {
    return newestTime(this.knex, translateSqliteError);
  }

  /** There may be several transactions in a millisecond, which is what the clock counts: without a later time for each, lists by time would have them in any order. */
  private tick(): EpochMicros {
    const now = BigInt(Date.now()) * MICROS_PER_MILLISECOND;
    this.lastTime = now > this.lastTime ? now : this.lastTime + 1n;
    return this.lastTime;
  }
}

class SqliteAudit implements AuditStore {
  constructor(
    private readonly connectionFor: () => Knex,
    private readonly closesIt: boolean,
  ) {}

  /** A connection of its own: a long read transaction on WAL sees one moment and holds up nobody. */
  async snapshot<T>(work: (view: AuditView) => Promise<T>): Promise<T> {
    const knex = this.connectionFor();
    try {
      return await knex.transaction(async (transaction) => {
        const lanes = new ReadLanes([transaction]);
        try {
          const values: AuditReader["values"] = async (statement, from) => {
            const rows: object[] = await lanes.use(async () => statement);
            return rows.map((row) => from(Object.values(row)));
          };
          const reader: AuditReader = {
            rows: (statement) => lanes.use(async () => statement),
            values,
            valuesOfStretch: values,
            uuidOf: (column) => column,
          };
          return await work(new KnexAuditView(transaction, reader, undefined));
        } finally {
          await lanes.idle();
        }
      });
    } catch (error) {
      throw translateSqliteError(error);
    } finally {
      if (this.closesIt) await knex.destroy();
    }
  }
}

interface RawConnection {
  pragma(text: string): void;
}

function connect(path: string, pragmas: readonly string[]): Knex {
  return createKnex({
    client: "better-sqlite3",
    useNullAsDefault: true,
    log: QUIET,
    connection: { filename: path, options: { safeIntegers: true } as never },
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection: RawConnection, done: (error: Error | null, connection: RawConnection) => void) {
        connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
        for (const pragma of pragmas) connection.pragma(pragma);
        done(null, connection);
      },
    },
  });
}
