import type { ReadStore } from "../../storage/read-store.js";
import { sweep } from "../commands/sweep.js";
import type { Sweep } from "../sweeper.js";
import type { LedgerWriter } from "../writer.js";

/** How long what is due may stay unwritten. It doesn't count meanwhile: the writer and every read act as if it were written. */
const EVERY_MS = 5_000;
/** Accounts put to the writer at a time, so that a sweep leaves its queue to callers. */
const AT_ONCE = 200;

/** Writes expiries of accounts that nobody touches: holds that ended, grants whose time is up. */
export function expiries(store: Pick<ReadStore, "overdueAccounts">, writer: LedgerWriter): Sweep {
  return {
    everyMs: EVERY_MS,
    async sweep(now, isStopped) {
      let swept = 0;
      for (let after = ""; !isStopped(); ) {
        const accountIds = await store.overdueAccounts(now, after, AT_ONCE);
        await Promise.all(accountIds.map((accountId) => writer.submit(sweep(accountId))));
        swept += accountIds.length;
        const last = accountIds.at(-1);
        if (accountIds.length < AT_ONCE || last === undefined) break;
        after = last;
      }
      return swept;
    },
  };
}
