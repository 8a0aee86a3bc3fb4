import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import type { LedgerStore } from "../../src/storage/store.js";
import { commandLog, type LogLine } from "../support/command-log.js";
import { frozenClock, type LogOutcome, runLog, tickingClock } from "../support/outcome-of-log.js";
import { type Backend, describeStores, makeDatabase } from "../support/stores.js";

/** Runs a log on a database of its own, and sees that it leaves clean books. */
async function outcomeOn(
  backend: Backend,
  log: readonly LogLine[],
  batchSize: number,
  timed: (store: LedgerStore) => LedgerStore,
): Promise<LogOutcome> {
  const database = await makeDatabase(backend);
  try {
    const store = await database.open();
    const outcome = await runLog(store, log, batchSize, timed);
    expect((await auditLedger(store)).violations).toEqual([]);
    return outcome;
  } finally {
    await database.destroy();
  }
}

/** A failing log is too long to shrink in any useful time: its seed replays it. */
const parameters = (numRuns: number) => ({ numRuns, endOnFailure: true });

describeStores("the size of batches", (_, backend) => {
  it("changes nothing: the same commands in batches of 1, 7 and 500 give the same results, balances and chain heads", async () => {
    await fc.assert(
      fc.asyncProperty(commandLog, async (log) => {
        const one = await outcomeOn(backend, log, 1, frozenClock);
        expect(await outcomeOn(backend, log, 7, frozenClock)).toEqual(one);
        expect(await outcomeOn(backend, log, 500, frozenClock)).toEqual(one);
      }),
      parameters(backend === "sqlite" ? 3 : 2),
    );
  });
});

describe("the store", () => {
  it("makes no difference: the same log on SQLite and Postgres ends in the same balances, states and chain heads", async () => {
    await fc.assert(
      fc.asyncProperty(commandLog, async (log) => {
        const onSqlite = await outcomeOn("sqlite", log, 20, tickingClock);
        expect(await outcomeOn("postgres", log, 20, tickingClock)).toEqual(onSqlite);
      }),
      parameters(4),
    );
  });
});
