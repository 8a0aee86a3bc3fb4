// The thread that writes a SQLite file (see thread-connection.ts). Plain JavaScript, because a thread of Node 20 can't be started from TypeScript, as the tests would have to.
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

/** @import { Answer, Opening, Script, Sqlite, SqliteStatement, Statement, StatementResult } from "./thread-messages.js" */

/** Statements that are kept prepared: more than the ledger has. */
const KEPT_STATEMENTS = 100;

/** @type {Map<string, SqliteStatement>} by their text */
const prepared = new Map();
const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
/** @type {Sqlite} */
let database;

// The first answer says whether the file could be opened.
port.postMessage(answered(() => open(workerData)));
port.on("message", (/** @type {Script | "close"} */ message) => {
  if (message !== "close") return port.postMessage(answered(() => carryOut(message)));
  database?.close();
  port.close();
});

/** @param {Opening} opening @returns {StatementResult[]} */
function open({ path, pragmas }) {
  database = new (createRequire(import.meta.url)("better-sqlite3"))(path);
  database.defaultSafeIntegers(true);
  for (const pragma of pragmas) database.pragma(pragma);
  return [];
}

/** @param {() => StatementResult[]} work @returns {Answer} */
function answered(work) {
  try {
    return { kind: "done", results: work() };
  } catch (error) {
    const { message, code } = /** @type {Error & { code?: unknown }} */ (error);
    // What the driver itself won't bind has no code.
    return { kind: "failed", message, code: typeof code === "string" ? code : "SQLITE_MISMATCH" };
  }
}

/** @param {Script} script */
function carryOut({ statements, transaction }) {
  if (transaction === "CONTINUES" && !database.inTransaction) {
    throw Object.assign(new Error("the transaction is over"), { code: "SQLITE_ABORT" });
  }
  try {
    return statements.map(runAll);
  } catch (error) {
    if (transaction !== "NONE" && database.inTransaction) database.exec("rollback");
    throw error;
  }
}

/** @param {Statement} statement @returns {StatementResult} */
function runAll({ sql, bindings }) {
  const statement = prepare(sql);
  /** @type {readonly (readonly unknown[])[]} */
  const runs = typeof bindings === "string" ? JSON.parse(bindings) : [bindings];
  if (statement.reader) {
    return { rows: runs.flatMap((run) => statement.all(run)), changes: 0, lastId: 0 };
  }
  let changes = 0;
  /** @type {number | bigint} */
  let lastId = 0;
  for (const run of runs) {
    const result = statement.run(run);
    changes += result.changes;
    lastId = result.lastInsertRowid;
  }
  return { rows: [], changes, lastId };
}

/** @param {string} sql */
function prepare(sql) {
  let statement = prepared.get(sql);
  if (statement === undefined) {
    statement = database.prepare(sql);
    for (const oldest of prepared.keys()) {
      if (prepared.size < KEPT_STATEMENTS) break;
      prepared.delete(oldest);
    }
    prepared.set(sql, statement);
  }
  return statement;
}
