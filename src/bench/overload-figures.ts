import { quantile } from "./closed-loop.js";
import type { RunReport } from "./figures.js";
import { callsIn, LATE, type OpenLoadResult, type Phase, SERVED, UNSENT } from "./open-load.js";

/** The three parts of an overload test. */
export interface OverloadPhases {
  readonly before: Phase;
  readonly overload: Phase;
  readonly after: Phase;
}

export const REFUSED = "OVERLOADED";
/** Calls are as quick as before once half of those sent in this time take at most this much longer. */
const WINDOW_MS = 250;
const RECOVERED_WITHIN = 1.2;

/** A call that was sent. */
interface Call {
  readonly sentAtMs: number;
  readonly tookMs: number;
  readonly outcome: string;
}

/** What an overload came to. @param sustainablePerSecond calls served a second in a closed loop */
export function overloadFigures(
  result: OpenLoadResult,
  { before, overload, after }: OverloadPhases,
  sustainablePerSecond: number,
): RunReport {
  const [toOverload, toAfter] = [callsIn(before), callsIn(before) + callsIn(overload)];
  const quiet = sentCalls(result, 0, toOverload);
  const crowd = sentCalls(result, toOverload, toAfter);
  const rest = sentCalls(result, toAfter, toAfter + callsIn(after));
  const beganMs = before.seconds * 1_000;
  const endedMs = beganMs + overload.seconds * 1_000;
  const servedInTime = [...quiet, ...crowd].filter(
    (call) => call.outcome === SERVED && isBetween(call.sentAtMs + call.tookMs, beganMs, endedMs),
  );
  const servedPerSecond = servedInTime.length / overload.seconds;
  const served = latenciesOf(crowd, SERVED);
  return {
    answered: crowd.length,
    seconds: overload.seconds,
    callsPerSecond: servedPerSecond,
    p50Ms: quantile(served, 0.5),
    p95Ms: quantile(served, 0.95),
    p99Ms: quantile(served, 0.99),
    maxMs: served.at(-1) ?? Number.NaN,
    errors: unexpectedIn(result),
    dropped: 0,
    refusalP99Ms: quantile(latenciesOf(crowd, REFUSED), 0.99),
    keptPercent: percent(servedPerSecond, sustainablePerSecond),
    recoverySeconds: recoverySeconds(rest, endedMs, quantile(latenciesOf(quiet, SERVED), 0.5)),
    offeredTimes: crowd.length / overload.seconds / sustainablePerSecond,
    latePercent: percent(latenciesOf(crowd, LATE).length, crowd.length),
    unsentPercent: percent(callsIn(overload) - crowd.length, callsIn(overload)),
  };
}

function sentCalls({ sentAtMs, tookMs, outcome, outcomes }: OpenLoadResult, from: number, to: number): Call[] {
  const calls: Call[] = [];
  for (let index = from; index < to; index++) {
    const call = {
      sentAtMs: sentAtMs[index] as number,
      tookMs: tookMs[index] as number,
      outcome: outcomes[outcome[index] as number] as string,
    };
    if (call.outcome !== UNSENT) calls.push(call);
  }
  return calls;
}

function latenciesOf(calls: readonly Call[], outcome: string): Float64Array {
  return Float64Array.from(calls.filter((call) => call.outcome === outcome).map((call) => call.tookMs)).sort();
}

/** Outcomes that an overload is no reason for, by name. */
function unexpectedIn({ outcome, outcomes }: OpenLoadResult): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const index of outcome) {
    const name = outcomes[index] as string;
    if (![UNSENT, SERVED, LATE, REFUSED].includes(name)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The end of the first window after the overload in which calls took about as long as before. One that wasn't served took for ever. */
function recoverySeconds(calls: readonly Call[], overloadEndedMs: number, p50BeforeMs: number): number {
  const windows = new Map<number, number[]>();
  for (const { sentAtMs, tookMs, outcome } of calls) {
    const window = Math.floor((sentAtMs - overloadEndedMs) / WINDOW_MS);
    const took = windows.get(window) ?? [];
    took.push(outcome === SERVED ? tookMs : Number.POSITIVE_INFINITY);
    windows.set(window, took);
  }
  for (const [window, took] of windows) {
    const p50Ms = quantile(Float64Array.from(took).sort(), 0.5);
    if (p50Ms <= p50BeforeMs * RECOVERED_WITHIN) return ((window + 1) * WINDOW_MS) / 1_000;
  }
  return Number.POSITIVE_INFINITY;
}

function isBetween(value: number, from: number, to: number): boolean {
  return value >= from && value < to;
}

function percent(part: number, whole: number): number {
  return (part / whole) * 100;
}
