import { StoreError } from "../store.js";

const UNIQUE_VIOLATION = "23505";
/** Serialization failure, deadlock, or a row that another instance opened first: nothing was written. */
const CONFLICT = new Set(["40001", "40P01", UNIQUE_VIOLATION]);
/** Connection exceptions, resources, operator intervention, read-only server. */
const UNAVAILABLE = /^(08|53|57|25006|55P03)/;
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);
/** What pg says, without a code, when a connection breaks or a query runs out of time. */
const BROKEN =
  /Connection terminated|connection error|timeout|Client has encountered|not queryable|ended|Unable to acquire/i;

/** What an error of pg or of the pool means for whoever called the store. Errors of ours pass as they are. */
export function translatePostgresError(error: unknown): Error {
  if (error instanceof StoreError) return error;
  if (!(error instanceof Error)) return new Error(String(error));
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") {
    if (CONFLICT.has(code)) return new StoreError("CONFLICT", `postgres: ${code}`, { cause: error });
    if (UNAVAILABLE.test(code) || NETWORK.has(code)) return unavailable(error);
    if (/^[0-9A-Z]{5}$/.test(code)) return new StoreError("REFUSED", `postgres: ${code}`, { cause: error });
  }
  if (error.name === "KnexTimeoutError" || (isOfDriver(error) && BROKEN.test(error.message))) return unavailable(error);
  return error;
}

export function isDuplicateInPostgres(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  // 42P07, 42710: two instances making the same table at once.
  return code === UNIQUE_VIOLATION || code === "42P07" || code === "42710";
}

/** pg throws plain Errors; ours have names of their own. */
function isOfDriver(error: Error): boolean {
  return error.name === "Error" || error.name === "AggregateError";
}

function unavailable(cause: Error): StoreError {
  return new StoreError("UNAVAILABLE", `postgres: ${cause.message}`, { cause });
}
