import { translateSqliteError } from "./errors.js";
import type { Holder, RowLocks } from "./row-locks.js";
import type { Script, SqliteValue, Statement, StatementResult } from "./thread-messages.js";
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
  private hasBegun = false;
  /** Whether its last call has been made. */
  private isComplete = false;
  /** Whether it has written something that isn't committed along with it. */
  private hasWritten = false;
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
    const [result] = await this.call([{ sql, bindings }]);
    return result?.rows ?? [];
  }

  /** The same, with each row as the list of its values, in the order they are selected in. */
  async queryValues(sql: string, bindings: readonly unknown[]): Promise<readonly (readonly SqliteValue[])[]> {
    const [result] = await this.call([{ sql, bindings, readsValues: true }]);
    // Which of the two rows are is up to the statement.
    return (result?.rows ?? []) as unknown as readonly (readonly SqliteValue[])[];
  }

  /**
   * Carries out statements, one after the other.
   * @param isLast whether to commit after them; then nothing can come after
   */
  write(statements: readonly Statement[], isLast: boolean): Promise<readonly StatementResult[]> {
    return this.call(statements, isLast ? "COMMIT" : "WRITTEN");
  }

  /** Locks rows until the transaction ends. Whatever is sent after this is carried out when it has them. @param keys what they are called, distinct for all tables */
  lock(keys: readonly string[]): void {
    this.hold(() => this.locks.take(this, keys));
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

  /** @returns a result for each of the statements */
  private async call(
    statements: readonly Statement[],
    then?: Script["ending"] | "WRITTEN",
  ): Promise<readonly StatementResult[]> {
    if (this.isComplete) throw new Error("a statement after the end of its transaction");
    const ending = then === "WRITTEN" ? undefined : then;
    this.hasBegun = true;
    this.isComplete = ending !== undefined;
    for (;;) {
      const whenClean = this.session.whenClean(this);
      if (whenClean) this.hold(() => whenClean);
      if (!this.barrier) break;
      await this.barrier;
    }
    if (this.hasEnded) throw new Error("a statement that its transaction didn't wait for");
    if (then === "WRITTEN") {
      this.hasWritten = true;
      this.session.startWriting(this);
    }
    const results = this.session.run({ statements, transaction: this.number, ...(ending && { ending }) });
    if (ending) this.endWith(results);
    return results.catch(rethrow);
  }

  /** Has everything that is sent from now on wait for one thing more. @param begin called when what it waits for already has come */
  private hold(begin: () => Promise<void> | undefined): void {
    const barrier = this.barrier ? this.barrier.then(begin) : begin();
    if (!barrier) return;
    this.barrier = barrier;
    const done = (): void => {
      if (this.barrier === barrier) this.barrier = undefined;
    };
    barrier.then(done, () => {});
  }

  private async commit(): Promise<void> {
    if (this.hasBegun && !this.isComplete) await this.call([], this.hasWritten ? "COMMIT" : "LEAVE");
  }

  /** Ends it, if nothing has: then nothing that it did takes effect. */
  private rollBack(): void {
    if (this.hasEnded) return;
    const ending = this.hasWritten ? "ROLLBACK" : "LEAVE";
    const script = { statements: [], transaction: this.number, ending } as const;
    this.endWith(this.hasBegun ? this.session.run(script) : Promise.resolve());
  }

  /**
   * What others send from now on is carried out after the end. But its rows are locked until that is answered: by then everything has been answered that was read before it, and whoever locks what he has read
   * has been told to look again.
   */
  private endWith(answer: Promise<unknown>): void {
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
