import type { EpochMicros } from "../domain/time.js";

/** Work that nobody calls for. Any instance may do it, all at once too: the rows' locks see to it that everything is written once. */
export interface Sweep {
  readonly everyMs: number;
  /**
   * Does what is due by now.
   * @param isStopped told between steps whether to end early
   * @returns how many rows it looked at
   */
  sweep(now: EpochMicros, isStopped: () => boolean): Promise<number>;
}

/** Runs sweeps, each in its own rhythm and one at a time. */
export class Sweeper {
  private timers: NodeJS.Timeout[] = [];
  private running: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  /** @param onError told of a sweep that failed; the next one tries again */
  constructor(
    private readonly sweeps: readonly Sweep[],
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.timers = this.sweeps.map((each) => {
      let isWaiting = false;
      return setInterval(() => {
        if (isWaiting) return;
        isWaiting = true;
        this.running = this.running.then(async () => {
          await this.run(each, systemTime()).catch(this.onError);
          isWaiting = false;
        });
      }, each.everyMs).unref();
    });
  }

  /** Ends after the sweep that is running. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.running;
  }

  /** Does everything once. @returns how many rows the sweeps looked at */
  async sweep(now: EpochMicros = systemTime()): Promise<number> {
    let swept = 0;
    for (const each of this.sweeps) swept += await this.run(each, now);
    return swept;
  }

  private async run(each: Sweep, now: EpochMicros): Promise<number> {
    return this.isStopped ? 0 : each.sweep(now, () => this.isStopped);
  }
}

function systemTime(): EpochMicros {
  return BigInt(Date.now()) * 1_000n;
}
