import { SingleBar } from "cli-progress";

/** Steps that every workload has besides its runs: preparing, warming up and the audit. */
const STEPS_AROUND_RUNS = 3;

/** Says on standard error what the bench is at: with a bar on a terminal, with a line a step anywhere else. */
export class Progress {
  private readonly bar = new SingleBar({
    format: "measuring {bar} {steps} {step}",
    stream: process.stderr,
    clearOnComplete: true,
  });
  private readonly isWatched = process.stderr.isTTY;
  private readonly total: number;
  private done = 0;

  constructor(workloads: number, runs: number) {
    this.total = workloads * (runs + STEPS_AROUND_RUNS);
    if (this.isWatched) this.bar.start(this.total, 0, { steps: `0/${this.total}`, step: "starting" });
  }

  /** Runs one step under its name. */
  async step<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.show(name, 0);
    if (!this.isWatched) process.stderr.write(`${this.done + 1}/${this.total} ${name}\n`);
    const result = await work();
    this.done++;
    return result;
  }

  /** Says how far the current step is. @param share of it that is done, 0 to 1 */
  detail(text: string, share = 0): void {
    this.show(text, share);
  }

  stop(): void {
    this.bar.stop();
  }

  private show(step: string, share: number): void {
    if (this.isWatched) this.bar.update(this.done + share, { steps: `${this.done}/${this.total}`, step });
  }
}
