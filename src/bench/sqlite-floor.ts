import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { makeSqliteDatabase } from "./databases.js";
import type { Stoppable } from "./resources.js";

/** The part of better-sqlite3, which comes without types, that is used here. */
interface Sqlite {
  pragma(text: string): unknown;
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: (string | number)[]): unknown };
  transaction<Parameters extends unknown[]>(
    work: (...parameters: Parameters) => void,
  ): (...parameters: Parameters) => void;
  close(): void;
}

const SCHEMA = `
  create table accounts (account_id text primary key, balance integer not null);
  create table transactions (transaction_id text primary key, request_id text not null unique, create_time integer not null);
  create table entries (
    transaction_id text not null, position integer not null, account_id text not null, amount integer not null,
    primary key (transaction_id, position)
  );`;

const REVENUE = "sys:revenue";

/** What a service without batches would do on SQLite: one durable commit a debit. */
export class SqliteFloor implements Stoppable {
  private constructor(
    private readonly database: Sqlite,
    private readonly debit: (accountId: string) => void,
    private readonly remove: () => Promise<unknown>,
  ) {}

  /** @param accountIds accounts to debit, rich enough for everything */
  static async start(accountIds: readonly string[]): Promise<SqliteFloor> {
    const { url, stop } = await makeSqliteDatabase();
    const Database = createRequire(import.meta.url)("better-sqlite3") as new (path: string) => Sqlite;
    const database = new Database(url.slice("sqlite:".length));
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec(SCHEMA);
    const open = database.prepare("insert into accounts values (?, 1000000000)");
    database.transaction(() => {
      for (const accountId of [...accountIds, REVENUE]) open.run(accountId);
    })();
    return new SqliteFloor(database, debitOn(database), stop);
  }

  /** Debits these accounts one after the other, holding up this process meanwhile. @returns debits per second */
  measure(accountIds: readonly string[]): number {
    const startedAt = performance.now();
    for (const accountId of accountIds) this.debit(accountId);
    return accountIds.length / ((performance.now() - startedAt) / 1_000);
  }

  stop(): Promise<unknown> {
    this.database.close();
    return this.remove();
  }
}

/** One debit: a transaction, two entries and two balances in one commit. */
function debitOn(database: Sqlite): (accountId: string) => void {
  const insertTransaction = database.prepare("insert into transactions values (?, ?, ?)");
  const insertEntry = database.prepare("insert into entries values (?, ?, ?, ?)");
  const updateBalance = database.prepare("update accounts set balance = balance + ? where account_id = ?");
  return database.transaction((accountId: string) => {
    const transactionId = randomUUID();
    insertTransaction.run(transactionId, transactionId, Date.now());
    insertEntry.run(transactionId, 0, accountId, -1);
    insertEntry.run(transactionId, 1, REVENUE, 1);
    updateBalance.run(-1, accountId);
    updateBalance.run(1, REVENUE);
  });
}
