import { randomUUID } from "node:crypto";
import { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { accountIds, credit, drawn } from "../accounts.js";
import type { Caller } from "../caller.js";
import type { RunReport } from "../figures.js";
import { auditBooks } from "../service-process.js";
import type { Bench, Workload } from "../workload.js";
import { completions, prepareParties, uniformParties } from "./complete.js";

const ACCOUNTS = accountIds("user", 5_000);
/** Enough for every debit there could be: a dollar. */
const CREDIT_USD_MICROS = 1_000_000n;
/** A settlement has one for the payer, one for the platform and one for each of two creators. */
const ENTRIES_OF_SETTLEMENT = 4;
const ENTRIES_OF_DEBIT = 2;
/** One round of filling: a thousand settlements and two thousand debits, so that half of the entries are of either. */
const SETTLEMENTS = 1_000;
const DEBITS = (SETTLEMENTS * ENTRIES_OF_SETTLEMENT) / ENTRIES_OF_DEBIT;
const BYTES_PER_MEGABYTE = 1_000_000;
const CHECKED = /, (\d+) entries,/;

/** `tollgate audit` over a store with so many entries or some more, half of them of settlements and half of debits. What counts are the entries, not the calls. */
export const AUDIT: Workload = {
  name: "audit",
  store: "postgres",
  referenceName: "one entry a second",
  figure: "callsPerSecond",
  goal: { floor: 50_000, target: 100_000, isBetter: "higher" },
  also: [{ name: "most resident at any time", figure: "peakMegabytes" }],
  // So many that the start of the program and of its thread, half a second, is little of it.
  calls: 500_000,
  isOfOneSize: true,
  async prepare({ caller, databaseUrl, say }) {
    await prepareParties(caller);
    await credit(caller, ACCOUNTS, CREDIT_USD_MICROS);
    const filling = { entries: 0 };
    return {
      async run(entries) {
        await fill(caller, entries, filling, say);
        return audit(databaseUrl);
      },
      reference: async () => 1,
    };
  },
};

/** Makes entries until there are so many. @param filling those made so far, not counting the credits of preparing */
async function fill(caller: Caller, entries: number, filling: { entries: number }, say: Bench["say"]): Promise<void> {
  while (filling.entries < entries) {
    const { errors, dropped } = await completions(caller, SETTLEMENTS, (index) =>
      uniformParties(filling.entries + index),
    );
    if (dropped > 0 || Object.keys(errors).length > 0)
      throw new Error(`a settlement failed: ${JSON.stringify(errors)}`);
    await caller.require(
      EconomyService.method.debit,
      Array.from({ length: DEBITS }, (_, index) => ({
        requestId: randomUUID(),
        accountId: drawn(ACCOUNTS, filling.entries + index),
        amountUsdMicros: 1n,
      })),
    );
    filling.entries += SETTLEMENTS * ENTRIES_OF_SETTLEMENT + DEBITS * ENTRIES_OF_DEBIT;
    say(`filled with ${filling.entries.toLocaleString("en-US")} entries`, filling.entries / entries);
  }
}

/** Entries a second from the program's start to its end, as an operator sees it. */
async function audit(databaseUrl: string): Promise<RunReport> {
  const { isClean, report, seconds, peakBytes } = await auditBooks(databaseUrl);
  const entries = Number(CHECKED.exec(report)?.[1] ?? Number.NaN);
  return {
    answered: entries,
    seconds,
    callsPerSecond: entries / seconds,
    ...{ p50Ms: Number.NaN, p95Ms: Number.NaN, p99Ms: Number.NaN, maxMs: Number.NaN },
    errors: isClean ? {} : { AUDIT_FAILED: 1 },
    dropped: 0,
    peakMegabytes: peakBytes / BYTES_PER_MEGABYTE,
  };
}
