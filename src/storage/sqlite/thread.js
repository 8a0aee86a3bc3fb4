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
/** How often another process, or another connection of this one, was found to have written the file. */
let foreignWrites = 0;
/** @type {unknown} the version of the file that goes with it */
let knownVersion;
/** @type {Map<number, number>} how often it was when each of the transactions under way began */
const begun = new Map();
/** In its place, once a statement has failed: the transaction has no effect. */
const OVER = -1;

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
function carryOut({ statements, transaction, ending }) {
  if (transaction === undefined) return runThrough(statements, ending);
  const isOver = begun.get(transaction) === OVER;
  try {
    if (isOver) throw failure("SQLITE_ABORT", "the transaction is over");
    if (ending !== "LEAVE") resume(transaction);
    return runThrough(statements, ending);
  } catch (error) {
    if (!isOver) end("ROLLBACK");
    begun.set(transaction, OVER);
    throw error;
  } finally {
    if (ending) begun.delete(transaction);
  }
}

/**
 * Sees to it that the file is locked, and that nobody else has written it since the transaction began: what it has read would be out of date.
 * @param {number} transaction
 */
function resume(transaction) {
  if (!database.inTransaction) {
    database.exec("begin immediate");
    const version = database.pragma("data_version", { simple: true });
    if (version !== knownVersion) foreignWrites++;
    knownVersion = version;
  }
  const before = begun.get(transaction) ?? foreignWrites;
  if (before !== foreignWrites) throw failure("SQLITE_BUSY_SNAPSHOT", "another process has written the file");
  begun.set(transaction, before);
}

/** @param {readonly Statement[]} statements @param {Script["ending"]} ending @returns {StatementResult[]} */
function runThrough(statements, ending) {
  const results = statements.map(runAll);
  end(ending);
  return results;
}

/** @param {Script["ending"]} how */
function end(how) {
  if (how === "COMMIT") database.exec("commit");
  if (how === "ROLLBACK" && database.inTransaction) database.exec("rollback");
}

/** @param {string} code @param {string} message */
function failure(code, message) {
  return Object.assign(new Error(message), { code });
}

/** @param {Statement} statement @returns {StatementResult} */
function runAll({ sql, bindings, readsValues = false }) {
  const statement = prepare(sql, readsValues);
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

/** @param {string} sql @param {boolean} readsValues */
function prepare(sql, readsValues) {
  let statement = prepared.get(sql);
  if (statement === undefined) {
    statement = database.prepare(sql);
    if (readsValues) statement.raw(true);
    for (const oldest of prepared.keys()) {
      if (prepared.size < KEPT_STATEMENTS) break;
      prepared.delete(oldest);
    }
    prepared.set(sql, statement);
  }
  return statement;
}
