import { Worker } from "node:worker_threads";
import type { AccountsAudit, AccountsReport } from "../../audit/audit.js";
import { StoreError } from "../../storage/store.js";

/** What the thread is started with. */
export interface ThreadInput {
  readonly databaseUrl: string;
  readonly moment: string;
}

/** What the thread says: any number of times how far it is, and then one of the others. */
export type FromThread =
  | { readonly kind: "walked"; readonly rows: number }
  | { readonly kind: "done"; readonly report: AccountsReport }
  /** A StoreError, which a message can't carry whole. */
  | { readonly kind: "failed"; readonly failure: StoreError["kind"]; readonly message: string };

/** Room for the objects of a few slices, without which the collector keeps them for old. Not what the program was started with, which is meant for a service and would come on top of its own. */
const LIMITS = { maxYoungGenerationSizeMb: 48 };

/** Audits the accounts at a moment of a store in a thread with connections of its own: half of an audit's work outside of the database. */
export function accountsInThread(databaseUrl: string, moment: string): AccountsAudit {
  return (onProgress, signal) =>
    new Promise((resolve, reject) => {
      const workerData: ThreadInput = { databaseUrl, moment };
      const worker = new Worker(new URL("./accounts-in-thread.js", import.meta.url), {
        workerData,
        resourceLimits: LIMITS,
      });
      worker.on("message", (said: FromThread) => {
        if (said.kind === "walked") onProgress(said.rows);
        else if (said.kind === "done") resolve(said.report);
        else reject(new StoreError(said.failure, said.message));
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`the thread that audits accounts ended with ${code}`)));
      signal.addEventListener("abort", () => void worker.terminate(), { once: true });
    });
}
