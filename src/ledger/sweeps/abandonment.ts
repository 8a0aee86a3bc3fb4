import { v7 as uuidv7 } from "uuid";
import type { ReadStore } from "../../storage/read-store.js";
import { abandon } from "../commands/abandon.js";
import type { Sweep } from "../sweeper.js";
import type { LedgerWriter } from "../writer.js";

/** Small against the days that a generation may stay open. */
const EVERY_MS = 60_000;
/** Generations put to the writer at a time, so that a sweep leaves its queue to callers. */
const AT_ONCE = 200;

/** Gives up generations that have been PENDING or RUNNING for too long (rules 3.10). @param afterMicros how long that is */
export function abandonment(
  store: Pick<ReadStore, "openGenerations">,
  writer: LedgerWriter,
  afterMicros: bigint,
): Sweep {
  return {
    everyMs: EVERY_MS,
    async sweep(now, isStopped) {
      let swept = 0;
      while (!isStopped()) {
        const generationIds = await store.openGenerations(now - afterMicros, AT_ONCE);
        const commands = generationIds.map((generationId) =>
          abandon({ generationId, commandId: uuidv7(), afterMicros }),
        );
        const given = await Promise.all(commands.map((command) => writer.submit(command)));
        swept += generationIds.length;
        // Where the store's clock is behind this one, the oldest may not be old enough yet: the next sweep looks again.
        if (generationIds.length < AT_ONCE || !given.includes(true)) break;
      }
      return swept;
    },
  };
}
