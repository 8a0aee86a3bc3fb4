import { runClosedLoop } from "./closed-loop.js";
import type { Load, LoadResult } from "./load.js";
import type { OpenLoad, OpenLoadResult } from "./open-load.js";
import { runOpenLoop } from "./open-loop.js";

/*
 * The load generator's process: it takes a Load or an OpenLoad from the process that forked it, makes the calls and sends back what became of them, one load after the other.
 * It is on its own so that what it costs is never taken for the harness's or the service's.
 */

/** What this process sends back for each load. */
export type GeneratorAnswer<Result> = { readonly result: Result } | { readonly error: string };

process.on("message", (load: Load | OpenLoad) => {
  const running: Promise<LoadResult | OpenLoadResult> = "phases" in load ? runOpenLoop(load) : runClosedLoop(load);
  running.then(
    (result) => send({ result }),
    (error) => send({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));

function send(answer: GeneratorAnswer<LoadResult | OpenLoadResult>): void {
  process.send?.(answer);
}
