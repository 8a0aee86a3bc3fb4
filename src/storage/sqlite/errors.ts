import { StoreError } from "../store.js";
import { ThreadEnded } from "./thread-connection.js";

/** The disk or the file is the trouble, not the statement. */
const UNAVAILABLE = /^SQLITE_(FULL|READONLY|IOERR|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM)/;
/** Another process on the same file, or a row it opened first. */
const CONFLICT = /^SQLITE_(BUSY|LOCKED|CONSTRAINT_UNIQUE|CONSTRAINT_PRIMARYKEY)/;
/** What knex says, without a code, once the store is closed. */
const CLOSED = "Unable to acquire a connection";

/** What an error of better-sqlite3 means for whoever called the store. Errors that aren't the driver's pass as they are. */
export function translateSqliteError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = (error as { code?: unknown }).code;
  if (error.name === "KnexTimeoutError" || error.message === CLOSED) return unavailable(error);
  if (error instanceof ThreadEnded) return unavailable(error);
  if (typeof code !== "string" || !code.startsWith("SQLITE_")) return error;
  if (UNAVAILABLE.test(code)) return unavailable(error);
  const kind = CONFLICT.test(code) ? "CONFLICT" : "REFUSED";
  return new StoreError(kind, `sqlite: ${code}`, { cause: error });
}

export function isDuplicateInSqlite(error: unknown): boolean {
  const code = String((error as { code?: unknown } | undefined)?.code);
  return code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY";
}

function unavailable(cause: Error): StoreError {
  return new StoreError("UNAVAILABLE", `sqlite: ${cause.message}`, { cause });
}
