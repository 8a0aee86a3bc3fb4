import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { endChild, endWithUs, YOUNG_GENERATION } from "./child-process.js";
import type { Load, LoadResult } from "./load.js";
import type { GeneratorAnswer } from "./load-generator.js";
import type { OpenLoad, OpenLoadResult } from "./open-load.js";
import type { Stoppable } from "./resources.js";

/** A load generator in a process of its own. It takes one load at a time. */
export class LoadClient implements Stoppable {
  private constructor(private readonly child: ChildProcess) {}

  static start(): LoadClient {
    const child = fork(new URL("./load-generator.js", import.meta.url), {
      serialization: "advanced",
      execArgv: [...process.execArgv, YOUNG_GENERATION],
    });
    endWithUs(child);
    return new LoadClient(child);
  }

  /**
   * Makes the calls of a load.
   * @throws Error if the service can't be reached at all, or the generator has ended
   */
  run(load: Load): Promise<LoadResult> {
    return this.ask(load);
  }

  /**
   * Makes the calls of a load at its own pace.
   * @throws Error as run does
   */
  runOpen(load: OpenLoad): Promise<OpenLoadResult> {
    return this.ask(load);
  }

  stop(): Promise<void> {
    return endChild(this.child);
  }

  private async ask<Result>(load: Load | OpenLoad): Promise<Result> {
    const over = new AbortController();
    const { signal } = over;
    try {
      const answered = once(this.child, "message", { signal });
      const ended = once(this.child, "exit", { signal }).then(() => [{ error: "its process has ended" }]);
      this.child.send(load);
      const [answer] = (await Promise.race([answered, ended])) as [GeneratorAnswer<Result>];
      if ("error" in answer) throw new Error(`the load generator failed: ${answer.error}`);
      return answer.result;
    } finally {
      over.abort();
    }
  }
}
