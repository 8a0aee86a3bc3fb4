import { translateSqliteError } from "./errors.js";
import type { Holder, RowLocks } from "./row-locks.js";
import type { Script, Statement, StatementResult } from "./thread-messages.js";
import type { WriteSession, WriteSessions } from "./write-session.js";

/** Of all transactions of this process. */
let lastNumber = 0;

/**
 * A transaction whose statements leave without waiting for the answers to those before (docs/decisions/0029), beside others of its store (docs/decisions/0041). The file's write lock, which the first of them takes,
 * keeps other processes out; from each other they are kept by locks of rows. After a statement that fails none takes effect.
 */
export class ThreadTransaction implements Holder {
  readonly ended: Promise<void>;
  hasEnded = false;
  private readonly number = ++lastNumber;
  private state: "NEW" | "READING" | "WRITING" | "ENDED" = "NEW";
  /** What has to be waited for before anything more is sent. Stays, once it has failed. */
  private barrier: Promise<void> | undefined;
  private resolveEnded = (): void => {};

  private constructor(
    private readonly session: WriteSession,
    private readonly locks: RowLocks,
  ) {
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  /**
   * Runs `work` in a transaction, and commits it unless its last script has.
   * @throws StoreError or whatever `work` throws; then nothing is written
   */
  static async run<T>(sessions: WriteSessions, work: (transaction: ThreadTransaction) => Promise<T>): Promise<T> {
    const transaction = new ThreadTransaction(await sessions.enter().catch(rethrow), sessions.locks);
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } finally {
      transaction.rollBack();
    }
  }

  /** Carries out a statement. */
  async query(sql: string, bindings: readonly unknown[]): Promise<StatementResult["rows"]> {
    this.begin("READING");
    const [result] = await this.send([{ sql, bindings }]);
    return result?.rows ?? [];
  }

  /**
   * Carries out statements, one after the other.
   * @param isLast whether to commit after them; then nothing can come after
   */
  write(statements: readonly Statement[], isLast: boolean): Promise<readonly StatementResult[]> {
    this.begin(isLast ? "ENDED" : "WRITING");
    return this.send(statements, isLast ? "COMMIT" : undefined);
  }

  /** Locks rows until the transaction ends. Whatever is sent after this is carried out when it has them. @param keys what they are called, distinct for all tables */
  lock(keys: readonly string[]): void {
    const before = this.barrier;
    if (before) this.waitFor(before.then(() => this.locks.take(this, keys)));
    else this.waitFor(this.locks.take(this, keys));
  }

  /**
   * Locks rows that have just been read.
   * @returns whether they still are as they were read: nobody else had them
   */
  async lockAsRead(keys: readonly string[]): Promise<boolean> {
    const whenTaken = this.locks.take(this, keys);
    await whenTaken;
    return whenTaken === undefined;
  }

  private begin(state: "READING" | "WRITING" | "ENDED"): void {
    if (this.state === "ENDED") throw new Error("a statement after the end of its transaction");
    if (this.state !== "WRITING" || state === "ENDED") this.state = state;
  }

  /** @returns a result for each of the statements */
  private async send(statements: readonly Statement[], ending?: Script["ending"]): Promise<readonly StatementResult[]> {
    for (;;) {
      this.waitFor(this.session.whenClean(this));
      if (!this.barrier) break;
      await this.barrier;
    }
    if (this.hasEnded) throw new Error("a statement that its transaction didn't wait for");
    if (this.state === "WRITING") this.session.startWriting(this);
    const results = this.session.run({ statements, transaction: this.number, ...(ending && { ending }) });
    if (ending) this.endWith(results);
    return results.catch(rethrow);
  }

  private waitFor(obstacle: Promise<void> | undefined): void {
    if (!obstacle) return;
    const before = this.barrier;
    const barrier = before ? before.then(() => obstacle) : obstacle;
    this.barrier = barrier;
    barrier.then(
      () => {
        if (this.barrier === barrier) this.barrier = undefined;
      },
      () => {},
    );
  }

  private async commit(): Promise<void> {
    if (this.state === "NEW" || this.state === "ENDED") return;
    const ending = this.state === "WRITING" ? "COMMIT" : "LEAVE";
    await this.send([], ending);
  }

  /** Ends it, if nothing has: then nothing that it did takes effect. */
  private rollBack(): void {
    if (this.hasEnded) return;
    const ending = this.state === "WRITING" ? "ROLLBACK" : "LEAVE";
    const script = { statements: [], transaction: this.number, ending } as const;
    this.endWith(this.state === "NEW" ? Promise.resolve() : this.session.run(script));
  }

  /**
   * What others send from now on is carried out after the end. But its rows are locked until that is answered: by then everything has been answered that was read before it, and whoever locks what he has read
   * has been told to look again.
   */
  private endWith(answer: Promise<unknown>): void {
    this.state = "ENDED";
    this.hasEnded = true;
    this.session.leave();
    const release = (): void => {
      this.locks.release(this);
      this.resolveEnded();
    };
    answer.then(release, release);
  }
}

function rethrow(error: unknown): never {
  throw translateSqliteError(error);
}
