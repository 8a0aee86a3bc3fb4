import { runClosedLoop } from "./closed-loop.js";
import type { Load, LoadResult } from "./load.js";

/*
 * The load generator's process: it takes a Load from the process that forked it, makes the calls and sends back what became of them, one load after the other.
 * It is on its own so that what it costs is never taken for the harness's or the service's.
 */

/** What this process sends back for each load. */
export type GeneratorAnswer = { readonly result: LoadResult } | { readonly error: string };

process.on("message", (load: Load) => {
  runClosedLoop(load).then(
    (result) => send({ result }),
    (error) => send({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));

function send(answer: GeneratorAnswer): void {
  process.send?.(answer);
}
