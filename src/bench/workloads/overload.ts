import { randomUUID } from "node:crypto";
import { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { accountIds, credit, drawn } from "../accounts.js";
import { type Caller, IN_FLIGHT } from "../caller.js";
import type { RunReport } from "../figures.js";
import { failuresOf, type LoadReport } from "../load.js";
import { type OpenLoadResult, SERVED, UNSENT } from "../open-load.js";
import { type OverloadPhases, overloadFigures, REFUSED } from "../overload-figures.js";
import type { Bench, Workload } from "../workload.js";

const ACCOUNTS = accountIds("user", 5_000);
/** Enough for every debit there could be: ten dollars. */
const CREDIT_USD_MICROS = 10_000_000n;
/** Most that BatchGetBalances takes. */
const BALANCES_AT_ONCE = 500;

const OVERLOAD = 3;
/** Of what can be sustained, before and after: calls that have no need to wait. */
const NORMAL = 0.5;
const BEFORE_SECONDS = 3;
const AFTER_SECONDS = 8;
/** Long enough for a queue to fill, and short enough that the calls fit in memory. */
const LEAST_SECONDS = 2;
const MOST_SECONDS = 15;
/** As a client sets it whose user waits. */
const DEADLINE_MS = 5_000;
/** More than the service lets wait, so that it is the service that says no. */
const MOST_IN_FLIGHT = 16_000;
/** As from as many clients, in the crowd and when it is measured what can be sustained: a call costs the less the more of them share a connection, on both sides. */
const CONNECTIONS = 64;

/** Debits at three times the rate that can be sustained, for as long as so many calls take at that rate: how quickly are the others refused, how many are still served, and how long does it take to get over it? */
export const OVERLOADED: Workload = {
  name: "overload",
  store: "postgres",
  referenceName: "refused as OVERLOADED, p99: one millisecond",
  figure: "refusalP99Ms",
  goal: { floor: 100, target: 50, isBetter: "lower" },
  also: [
    { name: "served, of sustainable", figure: "keptPercent", goal: { floor: 80, target: 90, isBetter: "higher" } },
    { name: "recovered after", figure: "recoverySeconds", goal: { floor: 5, target: 2, isBetter: "lower" } },
    { name: "sent, of sustainable", figure: "offeredTimes" },
    { name: "past their deadline", figure: "latePercent" },
    { name: "not sent by the client", figure: "unsentPercent" },
  ],
  // Some seven seconds of crowd: of two and a half, half a second is its beginning, and what is served swings by ten percent.
  calls: 90_000,
  isOfOneSize: true,
  async prepare({ caller, say }) {
    await credit(caller, ACCOUNTS, CREDIT_USD_MICROS);
    return { run: (calls) => overload(caller, calls, say), reference: async () => 1 };
  },
};

async function overload(caller: Caller, calls: number, say: Bench["say"]): Promise<RunReport> {
  say("what can be sustained", 0);
  const before = await sustainable(caller, calls);
  const phases = phasesFor(before.callsPerSecond, calls);
  const balancesBefore = await balances(caller);
  say(`${Math.round(before.callsPerSecond * OVERLOAD).toLocaleString("en-US")} calls a second`, 0.4);
  const load = {
    phases: [phases.before, phases.overload, phases.after],
    deadlineMs: DEADLINE_MS,
    mostInFlight: MOST_IN_FLIGHT,
    connections: CONNECTIONS,
  };
  const result = await caller.measureOpen(EconomyService.method.debit, debitOf, load);
  const wrong = wrongBalances(result, balancesBefore, await balances(caller));
  const after = await sustainable(caller, calls);
  const report = overloadFigures(result, phases, (before.callsPerSecond + after.callsPerSecond) / 2);
  const failed = failuresOf(before) + failuresOf(after);
  const unexpected = {
    ...(wrong > 0 && { WRONG_BALANCE: wrong }),
    ...(failed > 0 && { FAILED_WITHOUT_CROWD: failed }),
  };
  return { ...report, errors: { ...report.errors, ...unexpected } };
}

function sustainable(caller: Caller, calls: number): Promise<LoadReport> {
  const requests = Array.from({ length: calls }, (_, index) => debitOf(index));
  return caller.measure(EconomyService.method.debit, requests, IN_FLIGHT, CONNECTIONS);
}

function debitOf(index: number) {
  return { requestId: randomUUID(), accountId: drawn(ACCOUNTS, index), amountUsdMicros: 1n };
}

function phasesFor(sustainable: number, calls: number): OverloadPhases {
  const normal = sustainable * NORMAL;
  return {
    before: { callsPerSecond: normal, seconds: BEFORE_SECONDS },
    overload: {
      callsPerSecond: sustainable * OVERLOAD,
      seconds: Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, calls / sustainable)),
    },
    after: { callsPerSecond: normal, seconds: AFTER_SECONDS },
  };
}

/** In the order of the accounts, in micro-USD. */
async function balances(caller: Caller): Promise<bigint[]> {
  const requests = Array.from({ length: ACCOUNTS.length / BALANCES_AT_ONCE }, (_, slice) => ({
    accountIds: ACCOUNTS.slice(slice * BALANCES_AT_ONCE, (slice + 1) * BALANCES_AT_ONCE),
  }));
  const answers = await caller.require(EconomyService.method.batchGetBalances, requests);
  return answers.flatMap((answer) => answer.balances.map((balance) => balance.balanceUsdMicros));
}

/** Accounts from which more or less was taken than the calls say: each that was served once, a refused one never, one of which nothing was heard in time once or not at all. */
function wrongBalances(
  { outcome, outcomes }: OpenLoadResult,
  before: readonly bigint[],
  after: readonly bigint[],
): number {
  const served = new Map<string, number>();
  const open = new Map<string, number>();
  outcome.forEach((reason, index) => {
    const became = outcomes[reason] as string;
    if (became === UNSENT || became === REFUSED) return;
    const counts = became === SERVED ? served : open;
    const accountId = drawn(ACCOUNTS, index);
    counts.set(accountId, (counts.get(accountId) ?? 0) + 1);
  });
  return ACCOUNTS.filter((accountId, index) => {
    const taken = Number((before[index] as bigint) - (after[index] as bigint));
    const least = served.get(accountId) ?? 0;
    return taken < least || taken > least + (open.get(accountId) ?? 0);
  }).length;
}
