import { type FieldProblem, invalidInput } from "./errors.js";

/** A query string as Fastify reads it: a name that comes twice is a list. */
export type QueryValues = Readonly<Record<string, string | string[] | undefined>>;

const DATE = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const INTEGER = /^\d{1,15}$/;

/** Reads a query string and collects what is wrong. */
export class Query {
  private readonly problems: FieldProblem[] = [];

  constructor(private readonly values: QueryValues) {}

  text(name: string): string {
    const value = this.values[name] ?? "";
    if (typeof value === "string") return value;
    this.problems.push({ field: name, message: "is given more than once" });
    return "";
  }

  /** A whole number from `least` up; above `most` it means `most`. */
  integer(name: string, least: number, most: number, absent: number): number {
    const text = this.text(name);
    if (text === "") return absent;
    const value = INTEGER.test(text) ? Number(text) : -1;
    if (value < least)
      this.problems.push({ field: name, message: `takes an integer from ${least}; above ${most} means ${most}` });
    return Math.min(value, most);
  }

  /** A time in ISO 8601, in milliseconds; a date alone is its first moment, UTC. */
  time(name: string): number | undefined {
    const text = this.text(name);
    if (text === "") return undefined;
    const day = DATE.exec(text)?.[1];
    const time = day !== undefined && isDay(day) ? Date.parse(text) : Number.NaN;
    if (Number.isFinite(time) && time >= 0) return time;
    this.problems.push({ field: name, message: "takes a time from 1970 on in ISO 8601, like 2026-11-21T15:00:00Z" });
    return undefined;
  }

  /** @throws LegacyError INVALID_INPUT if anything was wrong */
  check(): void {
    if (this.problems.length > 0) throw invalidInput(this.problems);
  }
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const time = Date.parse(day);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(day);
}
