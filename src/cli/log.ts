import { type Logger, pino } from "pino";

/** JSON lines on standard error, so that standard output is for results. @param worker named in each line, if several processes write to one log */
export function makeLog(level: string, worker?: string): Logger {
  const base = worker === undefined ? null : { worker };
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
