import type { Knex } from "knex";
import { type Holder, RowLocks } from "./row-locks.js";
import type { ThreadConnection } from "./thread-connection.js";
import type { Script, StatementResult } from "./thread-messages.js";
import { BUSY_TIMEOUT_MS } from "./write-lock.js";

/** Hands out the writing connection to transactions that have it together. */
export class WriteSessions {
  readonly locks = new RowLocks(BUSY_TIMEOUT_MS);
  private newest: WriteSession | undefined;

  constructor(private readonly knex: Knex) {}

  /**
   * The session of the transactions that are under way, or a new one if anybody else waits for the connection, so that nobody does for ever. Whoever enters has to leave.
   * @throws whatever knex throws where there is no connection to be had
   */
  async enter(): Promise<WriteSession> {
    // There is no pool any more once the store is closed.
    const isWanted = this.knex.client.pool?.numPendingAcquires() > 0;
    if (!this.newest?.isOpen || (isWanted && this.newest.hasConnection)) this.newest = new WriteSession(this.knex);
    const session = this.newest;
    session.enter();
    await session.whenConnected;
    return session;
  }
}

/** A stretch of time in which some transactions have the connection, and no one else. */
export class WriteSession {
  readonly whenConnected: Promise<void>;
  private connection: ThreadConnection | undefined;
  private members = 0;
  private hasClosed = false;
  /** Whether the file is locked, as far as what was sent goes. */
  private isLocked = false;
  private writer: Holder | undefined;

  constructor(private readonly knex: Knex) {
    this.whenConnected = this.connect();
  }

  get isOpen(): boolean {
    return !this.hasClosed && this.connection?.isAlive !== false;
  }

  get hasConnection(): boolean {
    return this.connection !== undefined;
  }

  enter(): void {
    this.members++;
  }

  /** To be called by each who has entered, once it has sent its last script. */
  leave(): void {
    this.members--;
    if (this.members > 0 || !this.connection) return;
    this.hasClosed = true;
    if (this.isLocked) this.connection.run({ statements: [], ending: "ROLLBACK" }).catch(() => {});
    void this.knex.client.releaseConnection(this.connection);
  }

  /** Carries out a script of one of its transactions, after those that were sent before it. */
  run(script: Script): Promise<readonly StatementResult[]> {
    if (script.ending !== "LEAVE") this.isLocked = script.ending === undefined;
    return (this.connection as ThreadConnection).run(script);
  }

  /** Has all others wait until a transaction has ended: what it has written is in the file for them, too, and it may yet take it back. */
  startWriting(writer: Holder): void {
    this.writer = writer;
  }

  /** When nobody but this transaction has written anything that he may take back; undefined if nobody has. */
  whenClean(transaction: Holder): Promise<void> | undefined {
    return this.writer === undefined || this.writer === transaction || this.writer.hasEnded
      ? undefined
      : this.writer.ended;
  }

  private async connect(): Promise<void> {
    try {
      this.connection = await this.knex.client.acquireConnection();
    } catch (error) {
      this.hasClosed = true;
      throw error;
    }
  }
}
