import { randomUUID } from "node:crypto";
import { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { accountIds, credit, drawn } from "../accounts.js";
import { type Caller, IN_FLIGHT } from "../caller.js";
import type { RunReport } from "../figures.js";
import { SqliteFloor } from "../sqlite-floor.js";
import type { Workload } from "../workload.js";
import { bestTpcb } from "./tpcb.js";

/** Whom the debits of a micro-dollar are for. */
export const ACCOUNTS = accountIds("user", 20_000);
/** Enough for every debit there could be: a dollar. */
const CREDIT_USD_MICROS = 1_000_000n;
/** Commits of the floor in one run: each is one fsync. */
const FLOOR_DEBITS = 4_000;
/** Accounts of the debits that come one at a time: there are never many of those. */
const FEW_ACCOUNTS = ACCOUNTS.slice(0, 2_000);

/** Debits of a micro-dollar all over 20,000 accounts, against TPC-B. */
export const DEBIT_ON_POSTGRES: Workload = {
  name: "debit",
  store: "postgres",
  referenceName: "TPC-B, best of 8 and 32 clients",
  figure: "callsPerSecond",
  goal: { floor: 2, target: 3, isBetter: "higher" },
  calls: 16_000,
  async prepare(bench) {
    await credit(bench.caller, ACCOUNTS, CREDIT_USD_MICROS);
    return {
      run: (calls) => debits(bench.caller, ACCOUNTS, calls, IN_FLIGHT),
      reference: () => bestTpcb(bench),
    };
  },
};

/** The same debits, against a commit for each of them. */
export const DEBIT_ON_SQLITE: Workload = {
  ...DEBIT_ON_POSTGRES,
  store: "sqlite",
  referenceName: "one commit per debit, better-sqlite3",
  goal: { floor: 1.5, target: 2.5, isBetter: "higher" },
  async prepare(bench) {
    await credit(bench.caller, ACCOUNTS, CREDIT_USD_MICROS);
    const floor = bench.resources.add(await SqliteFloor.start(ACCOUNTS));
    const debited = Array.from({ length: FLOOR_DEBITS }, (_, index) => drawn(ACCOUNTS, index));
    floor.measure(debited.slice(0, FLOOR_DEBITS / 4));
    return {
      run: (calls) => debits(bench.caller, ACCOUNTS, calls, IN_FLIGHT),
      reference: async () => floor.measure(debited),
    };
  },
};

/** Debits one after the other: how long one takes, against a TPC-B transaction of pgbench's only client. */
export const DEBIT_ONE: Workload = {
  name: "debit-one",
  store: "postgres",
  referenceName: "TPC-B latency, 1 client",
  figure: "p50Ms",
  goal: { floor: 2, target: 1.3, isBetter: "lower" },
  calls: 500,
  async prepare(bench) {
    await credit(bench.caller, FEW_ACCOUNTS, CREDIT_USD_MICROS);
    return {
      run: (calls) => debits(bench.caller, FEW_ACCOUNTS, calls, 1),
      reference: async () => (await bench.pgbench?.measure(1, bench.pgbenchSeconds))?.latencyMs,
    };
  },
};

/** Makes so many debits of a micro-dollar all over the accounts. */
export function debits(
  caller: Caller,
  accounts: readonly string[],
  calls: number,
  inFlight: number,
): Promise<RunReport> {
  const requests = Array.from({ length: calls }, (_, index) => ({
    requestId: randomUUID(),
    accountId: drawn(accounts, index),
    amountUsdMicros: 1n,
  }));
  return caller.measure(EconomyService.method.debit, requests, inFlight);
}
