import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { Logger } from "pino";
import { type MetricsSnapshot, mergedText } from "../../telemetry/metrics.js";
import { closeConnectionsLostWith } from "./handed-over.js";
import { type FromWorker, Questions, type ToWorker, WORKER_NAME } from "./messages.js";

/*
 * What becomes of each of the workers:
 *
 *   starting ──ready──▶ serving ──ends──▶ waiting ──delay──▶ starting
 *      └────────ends before it is ready──────▲
 *
 * The delay doubles with each start that fails in a row, whoever's it is. After five of them the pool gives up, unless all have served before and one still does: it is then no use to take that one down.
 */

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
const MOST_FAILED_STARTS = 5;
/** A worker that is too busy for its metrics is left out of a scrape. */
const MEASURE_DEADLINE_MS = 2_000;

/** Where the workers serve. */
export interface Addresses {
  readonly grpcAddress: string;
  readonly httpUrl: string;
}

interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Starts workers, keeps so many of them alive, and stops them. */
export class WorkerPool {
  /** Rejects when it has given up and the workers are stopped. Never resolves. */
  readonly failed: Promise<never>;
  private fail: (error: Error) => void = () => {};
  private readonly alive = new Map<string, Worker>();
  private readonly serving = new Set<Worker>();
  private readonly measurements = new Questions<MetricsSnapshot>();
  private scraping: Promise<string> | undefined;
  private allReady: (addresses: Addresses) => void = () => {};
  private haveAllServed = false;
  private failedStarts = 0;
  private stopping: Promise<void> | undefined;

  /** @param environment what the workers get besides this process's environment */
  constructor(
    private readonly count: number,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly log: Logger,
  ) {
    this.failed = new Promise<never>((_, reject) => {
      this.fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** Resolves once all serve. */
  start(): Promise<Addresses> {
    return new Promise((resolve) => {
      this.allReady = resolve;
      for (let number = 1; number <= this.count; number++) this.startWorker(String(number));
    });
  }

  /**
   * Stops all, each answering what it has accepted.
   * @throws Error if one didn't end by itself with 0
   */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /** Ends what is left at once. */
  kill(): void {
    for (const worker of this.alive.values()) worker.process.kill("SIGKILL");
  }

  private startWorker(name: string): void {
    if (this.stopping) return;
    const worker = cluster.fork({ ...this.environment, [WORKER_NAME]: name });
    closeConnectionsLostWith(worker);
    this.alive.set(name, worker);
    this.log.info({ worker: name, pid: worker.process.pid }, "a worker starts");
    // A message to a worker that has just died; its exit says the rest.
    worker.on("error", (error) => this.log.debug({ worker: name, err: error }, "a worker can't be told something"));
    worker.on("message", (message: FromWorker) => this.hear(worker, message));
    worker.once("exit", (code, signal) => this.ended(name, worker, { code, signal }));
  }

  private hear(worker: Worker, message: FromWorker): void {
    if (message.kind === "ready") this.becameReady(worker, message);
    else if (message.kind === "measured") this.measurements.answer(message.id, message.metrics);
    else void this.scrape().then((text) => tell(worker, { kind: "scraped", id: message.id, text }));
  }

  private becameReady(worker: Worker, addresses: Addresses): void {
    this.serving.add(worker);
    this.failedStarts = 0;
    if (this.haveAllServed || this.serving.size < this.count) return;
    this.haveAllServed = true;
    this.allReady(addresses);
  }

  private ended(name: string, worker: Worker, how: WorkerEnd): void {
    this.alive.delete(name);
    const hasServed = this.serving.delete(worker);
    if (this.stopping) return;
    if (!hasServed) this.failedStarts++;
    if (this.failedStarts >= MOST_FAILED_STARTS && !(this.haveAllServed && this.serving.size > 0)) {
      return void this.giveUp(name, how);
    }
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.failedStarts, LONGEST_DELAY_MS);
    // One that was sent SIGTERM has ended as it should.
    this.log[how.code === 0 && hasServed ? "info" : "error"](
      { worker: name, pid: worker.process.pid, ...how, delayMs },
      "a worker ended; another takes its place",
    );
    setTimeout(() => this.startWorker(name), delayMs);
  }

  private async giveUp(name: string, how: object): Promise<void> {
    const error = new Error(
      `the workers don't start: ${this.failedStarts} in a row ended before they served, worker ${name} last (${JSON.stringify(how)})`,
    );
    await this.stop().catch((cause) => this.log.error({ err: cause }, "the stop failed"));
    this.fail(error);
  }

  private async stopAll(): Promise<void> {
    const ends = [...this.alive].map(async ([name, worker]) => {
      const hasServed = this.serving.has(worker);
      const ended = once(worker, "exit");
      worker.process.kill("SIGTERM");
      const [code, signal] = await ended;
      // One that is still starting has nothing to answer and may not listen to signals yet.
      const isAsTold = code === 0 || (signal === "SIGTERM" && !hasServed);
      if (!isAsTold) throw new Error(`worker ${name} ended with ${signal ?? code}`);
    });
    const failure = (await Promise.allSettled(ends)).find((end) => end.status === "rejected");
    if (failure) throw failure.reason;
  }

  /** One at a time: whoever asks meanwhile gets the same answer. */
  private scrape(): Promise<string> {
    this.scraping ??= this.measureAll().finally(() => {
      this.scraping = undefined;
    });
    return this.scraping;
  }

  private async measureAll(): Promise<string> {
    const snapshots = await Promise.all(
      [...this.serving].map((worker) =>
        this.measurements.ask((id) => tell(worker, { kind: "measure", id }), MEASURE_DEADLINE_MS),
      ),
    );
    return mergedText(snapshots.filter((snapshot) => snapshot !== undefined));
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}
