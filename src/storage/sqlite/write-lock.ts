import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";

/** How long a statement waits for another process on the same file. It holds its thread meanwhile, for readers the event loop, hence short. */
export const BUSY_TIMEOUT_MS = 2_000;

/** How often a transaction looks whether the write lock has come free. */
const LOCK_POLL_MS = 5;

/**
 * Takes the file's write lock for a migration, whose BEGIN was deferred, by a write that does nothing, before anything is read: so what is read can't be overtaken.
 * It waits as long as the busy timeout, but leaves the event loop free: another store of this very process may hold the lock, and would wait for us.
 * @throws SQLITE_BUSY
 */
export async function takeWriteLock(transaction: Knex.Transaction): Promise<void> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  await transaction.raw("pragma busy_timeout = 0");
  try {
    while (!(await tryWriteLock(transaction, performance.now() >= deadline))) await sleep(LOCK_POLL_MS);
  } finally {
    await transaction.raw(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

async function tryWriteLock(transaction: Knex.Transaction, isLastTry: boolean): Promise<boolean> {
  try {
    await transaction.raw("delete from schema_versions where false");
    return true;
  } catch (error) {
    if (isLastTry || (error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    return false;
  }
}
