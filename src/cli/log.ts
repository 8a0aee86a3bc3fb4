import { type Logger, pino } from "pino";

/** JSON lines on standard error, so that standard output is for results. */
export function makeLog(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
