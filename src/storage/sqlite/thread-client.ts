import createKnex, { type Knex } from "knex";
import BetterSqlite3Client from "knex/lib/dialects/better-sqlite3/index.js";
import { QUIET } from "../knex/quiet.js";
import { ThreadConnection } from "./thread-connection.js";
import type { Opening } from "./thread-messages.js";

/** What knex keeps of a query while it runs. */
interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  response?: unknown;
  context?: { readonly lastID: number | bigint; readonly changes: number };
}

/** One connection to a SQLite file, on a thread of its own. */
export function connectThread(path: string, pragmas: readonly string[]): Knex {
  const opening: Opening = { path, pragmas };
  return createKnex({
    client: ThreadClient,
    useNullAsDefault: true,
    log: QUIET,
    connection: { filename: path, opening } as Knex.Sqlite3ConnectionConfig,
    pool: { min: 1, max: 1 },
  });
}

/** knex's client of better-sqlite3 with connections that are threads. */
class ThreadClient extends BetterSqlite3Client {
  override acquireRawConnection(): Promise<ThreadConnection> {
    return ThreadConnection.open((this.connectionSettings as { readonly opening: Opening }).opening);
  }

  override destroyRawConnection(connection: ThreadConnection): Promise<void> {
    return connection.close();
  }

  /** One whose thread has ended is replaced. */
  override async validateConnection(connection: ThreadConnection): Promise<boolean> {
    return connection.isAlive;
  }

  async _query(connection: ThreadConnection, query: Query): Promise<Query> {
    const statement = { sql: query.sql, bindings: this._formatBindings(query.bindings) };
    const [result] = await connection.run({ statements: [statement] });
    query.response = result?.rows;
    query.context = { lastID: result?.lastId ?? 0, changes: result?.changes ?? 0 };
    return query;
  }
}
