import { Worker } from "node:worker_threads";
import type { Answer, Opening, Script, StatementResult } from "./thread-messages.js";

/** The thread has ended: what was under way may or may not have been done. */
export class ThreadEnded extends Error {
  override readonly name = "ThreadEnded";
}

/** An error of better-sqlite3, with its code. */
class ThreadFailure extends Error {
  override readonly name = "SqliteError";
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

interface Pending {
  readonly resolve: (results: readonly StatementResult[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to a SQLite file on a thread of its own, so that the event loop is free while SQLite works and the disk writes (docs/decisions/0030). It keeps the process alive only while an answer is due.
 */
export class ThreadConnection {
  private readonly worker: Worker;
  private readonly pending: Pending[] = [];
  private hasEnded = false;
  private cause: unknown;
  private readonly end: Promise<void>;

  private constructor(opening: Opening) {
    this.worker = new Worker(new URL("./thread.js", import.meta.url), { name: "sqlite", workerData: opening });
    this.worker.on("message", (answer: Answer) => this.settle(answer));
    this.worker.on("error", (error) => {
      this.cause = error;
    });
    this.end = new Promise((resolve) => {
      this.worker.on("exit", () => {
        this.hasEnded = true;
        for (const { reject } of this.pending.splice(0)) reject(this.ended());
        resolve();
      });
    });
  }

  /** @throws an error with a code of SQLite's, or ThreadEnded */
  static async open(opening: Opening): Promise<ThreadConnection> {
    const connection = new ThreadConnection(opening);
    try {
      await connection.answer();
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  get isAlive(): boolean {
    return !this.hasEnded;
  }

  /**
   * Carries out a script after those that were sent before it.
   * @returns a result for each statement
   * @throws an error with a code of SQLite's, or ThreadEnded
   */
  run(script: Script): Promise<readonly StatementResult[]> {
    if (this.hasEnded) return Promise.reject(this.ended());
    this.worker.postMessage(script);
    return this.answer();
  }

  /** Ends the thread once everything sent is done. */
  async close(): Promise<void> {
    if (this.hasEnded) return;
    this.worker.ref();
    this.worker.postMessage("close");
    await this.end;
  }

  private answer(): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject });
      this.worker.ref();
    });
  }

  private settle(answer: Answer): void {
    const waiting = this.pending.shift();
    if (this.pending.length === 0) this.worker.unref();
    if (answer.kind === "done") waiting?.resolve(answer.results);
    else waiting?.reject(new ThreadFailure(answer.message, answer.code));
  }

  private ended(): ThreadEnded {
    return new ThreadEnded("the writing thread has ended", { cause: this.cause });
  }
}
