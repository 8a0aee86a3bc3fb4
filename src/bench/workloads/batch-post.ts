import { randomUUID } from "node:crypto";
import { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { accountIds, credit, drawn } from "../accounts.js";
import type { Caller } from "../caller.js";
import type { RunReport } from "../figures.js";
import type { Workload } from "../workload.js";
import { bestTpcb } from "./tpcb.js";

const ACCOUNTS = accountIds("user", 20_000);
/** Enough for every debit there could be: a dollar. */
const CREDIT_USD_MICROS = 1_000_000n;
const ITEMS = 500;
/** A few importers at a time. */
const IN_FLIGHT = 4;

/** Debits in batches of 500, against TPC-B: what is counted are the postings, not the calls. */
export const BATCH_POST: Workload = {
  name: "batch-post",
  store: "postgres",
  referenceName: "TPC-B, best of 8 and 32 clients",
  figure: "callsPerSecond",
  goal: { floor: 3, target: 4, isBetter: "higher" },
  calls: 15_000,
  async prepare(bench) {
    await credit(bench.caller, ACCOUNTS, CREDIT_USD_MICROS);
    return {
      run: (postings) => batches(bench.caller, Math.ceil(postings / ITEMS)),
      reference: () => bestTpcb(bench),
    };
  },
};

/** An item that was refused counts as an error. */
async function batches(caller: Caller, calls: number): Promise<RunReport> {
  const requests = Array.from({ length: calls }, (_, call) => ({
    items: Array.from({ length: ITEMS }, (_, index) => ({
      item: {
        case: "debit" as const,
        value: {
          requestId: randomUUID(),
          accountId: drawn(ACCOUNTS, call * ITEMS + index),
          amountUsdMicros: 1n,
        },
      },
    })),
  }));
  const { report, answers } = await caller.measureAndRead(EconomyService.method.batchPost, requests, IN_FLIGHT);
  const results = answers.flatMap((answer) => answer?.results ?? []);
  const refused = results.filter(({ result }) => result.case === "status").length;
  const postings = { ...report, callsPerSecond: report.callsPerSecond * ITEMS };
  return refused === 0 ? postings : { ...postings, errors: { ...report.errors, REFUSED: refused } };
}
