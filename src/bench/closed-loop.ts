import { framed, GrpcConnection } from "./grpc-connection.js";
import type { Load, LoadReport, LoadResult } from "./load.js";

const DEFAULT_CONNECTIONS = 4;
/** A service that answers nothing for this long is given up on. */
const STALL_MS = 30_000;

/** Makes the calls of a load, each once, keeping so many in flight until none is left. */
export async function runClosedLoop(load: Load): Promise<LoadResult> {
  const frames = load.messages.map(framed);
  const count = Math.min(load.connections ?? DEFAULT_CONNECTIONS, load.inFlight);
  const calls = { target: load.target, path: load.path, keepsMessages: load.keepsAnswers };
  const connections = await Promise.all(Array.from({ length: count }, () => GrpcConnection.open(calls)));
  const tally = new Tally(load);
  let next = 0;

  async function keepCalling(connection: GrpcConnection): Promise<void> {
    for (let index = next++; index < frames.length; index = next++) {
      const startedAt = performance.now();
      const answer = await connection.call(frames[index] as Buffer);
      tally.add(index, answer.at - startedAt, answer.error, answer.message);
    }
  }

  const startedAt = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - Math.max(startedAt, tally.lastAnswerAt) < STALL_MS) return;
    for (const connection of connections) connection.destroy();
  }, 1_000);
  const loops = Array.from({ length: load.inFlight }, (_, index) =>
    keepCalling(connections[index % connections.length] as GrpcConnection),
  );
  await Promise.all(loops);
  const seconds = (performance.now() - startedAt) / 1_000;
  clearInterval(watch);
  for (const connection of connections) connection.destroy();
  return { report: tally.report(seconds), answers: tally.answers };
}

/** Counts answers as they come. */
class Tally {
  lastAnswerAt = 0;
  readonly answers: (Uint8Array | undefined)[];
  private readonly latenciesMs: Float64Array;
  private answered = 0;
  private succeeded = 0;
  private dropped = 0;
  private readonly errors: Record<string, number> = {};

  constructor(load: Load) {
    this.latenciesMs = new Float64Array(load.messages.length);
    this.answers = load.keepsAnswers ? new Array(load.messages.length).fill(undefined) : [];
  }

  add(index: number, latencyMs: number, error: string | undefined, message: Uint8Array | undefined): void {
    if (error === undefined) {
      this.dropped++;
      return;
    }
    this.lastAnswerAt = performance.now();
    this.latenciesMs[this.answered++] = latencyMs;
    if (error === "") this.succeeded++;
    else this.errors[error] = (this.errors[error] ?? 0) + 1;
    if (message) this.answers[index] = message;
  }

  report(seconds: number): LoadReport {
    const sorted = this.latenciesMs.subarray(0, this.answered).sort();
    return {
      answered: this.answered,
      seconds,
      callsPerSecond: this.succeeded / seconds,
      p50Ms: quantile(sorted, 0.5),
      p95Ms: quantile(sorted, 0.95),
      p99Ms: quantile(sorted, 0.99),
      maxMs: sorted.at(-1) ?? Number.NaN,
      errors: this.errors,
      dropped: this.dropped,
    };
  }
}

/** Nearest rank; NaN of nothing. @param sorted ascending */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
