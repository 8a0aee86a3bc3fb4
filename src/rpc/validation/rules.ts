import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { ACCOUNT_ID_PATTERN, isPlatformAccount } from "../../domain/accounts.js";
import type { FieldViolation } from "../../domain/errors.js";
import { MAX_OPERATION_USD_MICROS, parseDecimal, RATE_DECIMALS } from "../../domain/money.js";

/*
 * What fields may hold, as small rules that messages.ts puts together into one table a message. A rule looks at one value and reports what is wrong with it; it
 * never throws, so that a caller hears everything at once.
 */

/** What has been found wrong with a request. */
export class Problems {
  readonly violations: FieldViolation[] = [];
  /** An amount that is well-formed but passes the limit of an operation: an error of its own, told if nothing else is wrong. */
  amountOverLimit: bigint | undefined;

  add(field: string, description: string): void {
    this.violations.push({ field, description });
  }
}

export type Rule<Value> = (value: Value, field: string, problems: Problems) => void;

/** Rules of a message's fields, by TypeScript name. */
export type FieldRules<Message> = { readonly [Field in keyof Message]?: Rule<Message[Field]> };

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const RUN_ID_PATTERN = ACCOUNT_ID_PATTERN;
const RUN_ID_TAKES = "1-128 of A-Z a-z 0-9 _ . : -";

/** Runs the rules of a message on its fields. What is the same for every message is worked out once. */
export function nested<Message extends object>(rules: FieldRules<Message>): Rule<Message> {
  const checks = Object.entries(rules).map(([name, rule]) => ({
    name: name as keyof Message,
    field: protoName(name),
    rule: rule as Rule<unknown>,
  }));
  return (message, path, problems) => {
    for (const { name, field, rule } of checks) rule(message[name], path === "" ? field : `${path}.${field}`, problems);
  };
}

/** accountId → account_id, the name callers know. */
function protoName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Runs a rule only on a value that isn't "". */
export function optional(rule: Rule<string>): Rule<string> {
  return (value, field, problems) => {
    if (value !== "") rule(value, field, problems);
  };
}

/** Runs a rule only on a field that is set. */
export function ifSet<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return (value, field, problems) => {
    if (value !== undefined) rule(value, field, problems);
  };
}

/** 1 to `max` printable ASCII characters. */
export function printable(max: number): Rule<string> {
  return (value, field, problems) => {
    if (!PRINTABLE_ASCII.test(value) || value.length > max) {
      problems.add(field, `takes 1-${max} printable ASCII characters`);
    }
  };
}

export const requestId = printable(128);

/** Any account, the platform's own included. */
export const readableAccount: Rule<string> = (value, field, problems) => {
  if (!ACCOUNT_ID_PATTERN.test(value)) problems.add(field, "takes 1-128 of A-Z a-z 0-9 _ . : -");
};

/** An account that callers may name in a write. */
export const account: Rule<string> = (value, field, problems) => {
  readableAccount(value, field, problems);
  if (isPlatformAccount(value)) problems.add(field, "takes no sys: account: these are the platform's own");
};

export const runId: Rule<string> = (value, field, problems) => {
  if (!RUN_ID_PATTERN.test(value)) problems.add(field, `takes ${RUN_ID_TAKES}`);
};

/** Money to move: at least 1 micro. Above the limit of an operation it is AMOUNT_OUT_OF_RANGE. */
export const amount: Rule<bigint> = (value, field, problems) => {
  if (value < 1n) problems.add(field, "takes micro-USD from 1 to 1000000000000");
  else if (value > MAX_OPERATION_USD_MICROS) problems.amountOverLimit ??= value;
};

/** Money that may be nothing. */
export const amountOrZero: Rule<bigint> = (value, field, problems) => {
  if (value < 0n) problems.add(field, "takes micro-USD from 0 to 1000000000000");
  else if (value > MAX_OPERATION_USD_MICROS) problems.amountOverLimit ??= value;
};

/** Text of at most `max` characters that both stores can keep: no NUL, no lone surrogate. "" is fine. */
export function text(max: number): Rule<string> {
  return (value, field, problems) => {
    if (value.length > max && [...value].length > max) problems.add(field, `takes at most ${max} characters`);
    else if (value.includes("\0") || !value.isWellFormed()) problems.add(field, "takes Unicode text without NUL");
  };
}

/** Labels: at most 50, keys of 1-64 and values of at most 500 characters. */
export const metadata: Rule<Record<string, string>> = (value, field, problems) => {
  const labels = Object.entries(value);
  if (labels.length > 50) problems.add(field, "takes at most 50 entries");
  for (const [key, label] of labels.slice(0, 50)) {
    const named = `${field}[${JSON.stringify(key.slice(0, 64))}]`;
    if (key === "" || key.includes("\0") || !key.isWellFormed() || [...key].length > 64) {
      problems.add(named, "takes keys of 1-64 characters");
    }
    text(500)(label, named, problems);
  }
};

/** A known value of a proto enum. @param values the generated enum object */
export function known(values: Record<string, string | number>): Rule<number> {
  return (value, field, problems) => {
    if (values[value] === undefined) problems.add(field, `takes ${namesOf(values)}`);
  };
}

/** A known value other than UNSPECIFIED. */
export function specified(values: Record<string, string | number>): Rule<number> {
  return (value, field, problems) => {
    if (value === 0 || values[value] === undefined) problems.add(field, `takes ${namesOf(values)}`);
  };
}

function namesOf(values: Record<string, string | number>): string {
  return Object.keys(values)
    .filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED")
    .join(", ");
}

export function integer(min: number, max: number): Rule<number> {
  return (value, field, problems) => {
    if (value < min || value > max) problems.add(field, `takes ${min} to ${max}`);
  };
}

export function bigInteger(min: bigint, max: bigint): Rule<bigint> {
  return (value, field, problems) => {
    if (value < min || value > max) problems.add(field, `takes ${min} to ${max}`);
  };
}

/** 0 to 1. */
export const fraction: Rule<number> = (value, field, problems) => {
  if (!(value >= 0 && value <= 1)) problems.add(field, "takes 0 to 1");
};

/** A page is at least 0 rows; a large number is capped, not refused. */
export const pageSize: Rule<number> = (value, field, problems) => {
  if (value < 0) problems.add(field, "takes 0 (50 rows) to 500; more means 500");
};

const LARGEST_RATE = 1_000_000n * 10n ** BigInt(RATE_DECIMALS);

/** A rate or multiplier: above 0, at most 1000000, at most 12 decimals. */
export const positiveDecimal: Rule<string> = (value, field, problems) => {
  const parsed = parseDecimal(value, RATE_DECIMALS);
  if (!parsed || parsed > LARGEST_RATE) {
    problems.add(field, 'takes a decimal string above 0, at most 1000000, with at most 12 decimals, like "0.000337"');
  }
};

/** Seconds at the end of 9999-12-31. */
const LAST_SECOND = 253_402_300_799n;

export const timestamp: Rule<Timestamp> = ({ seconds, nanos }, field, problems) => {
  if (seconds < 0n || seconds > LAST_SECOND || nanos < 0 || nanos > 999_999_999) {
    problems.add(field, "takes a time from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z");
  }
};

/** Longest run: a year. */
const LONGEST_RUN_SECONDS = 31_536_000n;

export const runDuration: Rule<Duration> = ({ seconds, nanos }, field, problems) => {
  if (seconds < 0n || seconds > LONGEST_RUN_SECONDS || nanos < 0 || nanos > 999_999_999) {
    problems.add(field, "takes 0s to 31536000s");
  }
};

/** At most `max` items, each by a rule. */
export function items<Value>(max: number, rule: Rule<Value>, min = 0): Rule<readonly Value[]> {
  return (values, field, problems) => {
    if (values.length > max || values.length < min) problems.add(field, `takes ${min} to ${max} items`);
    values.slice(0, max).forEach((value, index) => {
      rule(value, `${field}[${index}]`, problems);
    });
  };
}

/** A message that has to be there. */
export function required<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return (value, field, problems) => {
    if (value === undefined) problems.add(field, "is required");
    else rule(value, field, problems);
  };
}
