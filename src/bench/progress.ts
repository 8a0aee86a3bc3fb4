import { SingleBar } from "cli-progress";

/** Steps that every workload has besides its runs: preparing, warming up and the audit. */
const STEPS_AROUND_RUNS = 3;

/** Says on a terminal what the bench is at; says nothing anywhere else. */
export class Progress {
  private readonly bar = new SingleBar({
    format: "measuring {bar} {value}/{total} {step}",
    stream: process.stderr,
    clearOnComplete: true,
  });
  private readonly isWatched = process.stderr.isTTY;
  private done = 0;

  constructor(workloads: number, runs: number) {
    if (this.isWatched) this.bar.start(workloads * (runs + STEPS_AROUND_RUNS), 0, { step: "starting" });
  }

  /** Runs one step under its name. */
  async step<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    if (this.isWatched) this.bar.update(this.done, { step: name });
    const result = await work();
    this.done++;
    return result;
  }

  /** Says how far the current step is. */
  detail(text: string): void {
    if (this.isWatched) this.bar.update(this.done, { step: text });
  }

  stop(): void {
    this.bar.stop();
  }
}
