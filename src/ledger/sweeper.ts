import type { EpochMicros } from "../domain/time.js";
import type { ReadStore } from "../storage/store.js";
import { sweep } from "./commands/sweep.js";
import type { LedgerWriter } from "./writer.js";

/** How long what is due may stay unwritten. It doesn't count meanwhile: the writer and every read act as if it were written. */
const SWEEP_INTERVAL_MS = 5_000;
/** Accounts put to the writer at a time, so that a sweep leaves its queue to callers. */
const ACCOUNTS_AT_ONCE = 200;

/**
 * Writes expiries of accounts that nobody touches: holds that ended, grants whose time is up. Any instance may sweep; the account's lock sees to it that each is written
 * once.
 */
export class Sweeper {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  /** @param onError told of a sweep that failed; the next one tries again */
  constructor(
    private readonly store: Pick<ReadStore, "overdueAccounts">,
    private readonly writer: LedgerWriter,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.running = this.running.then(() => this.sweep().catch(this.onError));
    }, SWEEP_INTERVAL_MS).unref();
  }

  /** Ends after the sweep that is running. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.running;
  }

  /** Looks once at every account with something due. @returns how many there were */
  async sweep(now: EpochMicros = BigInt(Date.now()) * 1_000n): Promise<number> {
    let swept = 0;
    for (let after = ""; !this.isStopped; ) {
      const accountIds = await this.store.overdueAccounts(now, after, ACCOUNTS_AT_ONCE);
      await Promise.all(accountIds.map((accountId) => this.writer.submit(sweep(accountId))));
      swept += accountIds.length;
      const last = accountIds.at(-1);
      if (accountIds.length < ACCOUNTS_AT_ONCE || last === undefined) break;
      after = last;
    }
    return swept;
  }
}
