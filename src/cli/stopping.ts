import type { Logger } from "pino";

/** A stop that takes longer is cut off. */
const STOP_DEADLINE_MS = 10_000;

/**
 * A way to end this process: with 0 once `stop` is done, with 1 if it fails or takes longer than 10 s. Only its first use counts.
 * @param cutOff what has to be done at once if it takes longer
 */
export function makeEnding(log: Logger, stop: () => Promise<void>, cutOff = (): void => {}): (why: object) => void {
  let isEnding = false;
  return (why) => {
    if (isEnding) return;
    isEnding = true;
    log.info(why, "stopping");
    setTimeout(() => {
      cutOff();
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
    stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "the stop failed");
        process.exit(1);
      },
    );
  };
}

/** What tells a process to stop. */
export const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Ends this process at SIGTERM and SIGINT. A second one of the kind ends it at once. */
export function endOnSignals(end: (why: object) => void): void {
  for (const signal of STOP_SIGNALS) process.once(signal, () => end({ signal }));
}
