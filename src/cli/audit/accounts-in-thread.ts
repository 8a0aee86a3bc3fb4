import { parentPort, workerData } from "node:worker_threads";
import { auditAccounts } from "../../audit/audit.js";
import { openStore } from "../../storage/open.js";
import { StoreError } from "../../storage/store.js";
import type { FromThread, ThreadInput } from "./accounts-thread.js";

/* What the thread does that accounts-thread.ts starts. */

/** The walk, reading ahead. */
const READS_AT_ONCE = 2;

const say = (said: FromThread): void => parentPort?.postMessage(said);
const { databaseUrl, moment } = workerData as ThreadInput;
const store = openStore(databaseUrl);
try {
  // It is ended from outside.
  const { signal } = new AbortController();
  const report = await store.snapshot((view) => auditAccounts(view, (rows) => say({ kind: "walked", rows }), signal), {
    moment,
    readsAtOnce: READS_AT_ONCE,
  });
  say({ kind: "done", report });
} catch (error) {
  if (!(error instanceof StoreError)) throw error;
  say({ kind: "failed", failure: error.kind, message: error.message });
} finally {
  await store.close();
}
