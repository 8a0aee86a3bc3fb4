import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorReason, insufficientFunds, TollgateError } from "../../src/domain/errors.js";

const REASONS = Object.keys(ERRORS) as ErrorReason[];

/** A value for every key of the table, so that a row that takes too many shows. */
const EVERY_KEY = Object.fromEntries(
  Object.values(ERRORS).flatMap((row) => row.metadata.map((key) => [key, `<${key}>`])),
) as Parameters<typeof TollgateError.of>[1];

describe.each(REASONS)("%s", (reason) => {
  const error = TollgateError.of(reason, EVERY_KEY);

  it("carries the metadata of its row and nothing else", () => {
    const expected = ERRORS[reason].metadata.map((key) => [key, `<${key}>`]);
    expect(error.metadata).toEqual(Object.fromEntries(expected));
  });

  it("names only metadata of its row in its message, and fills all of it in", () => {
    const keys: readonly string[] = ERRORS[reason].metadata;
    const named = [...ERRORS[reason].message.matchAll(/\{(\w+)\}/g)].map((match) => String(match[1]));
    for (const key of named) {
      expect(keys).toContain(key);
      expect(error.message).toContain(`<${key}>`);
    }
    expect(error.message).not.toMatch(/[{}]|undefined/);
  });

  it("is sent with a refusal code of google.rpc.Code", () => {
    expect([
      "INVALID_ARGUMENT",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "OUT_OF_RANGE",
      "INTERNAL",
      "UNAVAILABLE",
    ]).toContain(error.code);
  });
});

describe("a refusal", () => {
  it("is an Error that says what and why, with the cause kept for the log", () => {
    const cause = new Error("connection reset");
    const error = TollgateError.of("STORE_UNAVAILABLE", {}, cause);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "TollgateError", reason: "STORE_UNAVAILABLE", code: "UNAVAILABLE", cause });
    expect(error.message).not.toContain("connection reset");
  });

  it("shows a caller's own text as it is, never as another template", () => {
    const reference = "$& {transaction_id} $1";
    const metadata = { external_reference: reference, transaction_id: "t-1" };
    expect(TollgateError.of("EXTERNAL_REFERENCE_USED", metadata).message).toBe(
      `external_reference ${reference} was credited by transaction t-1`,
    );
  });

  it("says how long to wait only where waiting helps", () => {
    const waits = REASONS.map((reason) => [reason, TollgateError.of(reason, EVERY_KEY).retryAfterMs]);
    expect(waits.filter(([, wait]) => wait !== undefined)).toEqual([
      ["OVERLOADED", 100],
      ["STORE_UNAVAILABLE", 1_000],
    ]);
  });
});

describe("a request that can't be taken", () => {
  const violations = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ field: `loras[${index}]`, description: `is wrong ${index}` }));

  it("is refused with every violation at once", () => {
    const seven = violations(7);
    const error = TollgateError.invalid(seven);
    expect(error).toMatchObject({ reason: "INVALID_FIELDS", code: "INVALID_ARGUMENT", metadata: {} });
    expect(error.violations).toEqual(seven);
  });

  it("names the first five in its message and counts the others", () => {
    const five =
      "loras[0]: is wrong 0; loras[1]: is wrong 1; loras[2]: is wrong 2; loras[3]: is wrong 3; loras[4]: is wrong 4";
    expect(TollgateError.invalid(violations(5)).message).toBe(five);
    expect(TollgateError.invalid(violations(7)).message).toBe(`${five}; and 2 more`);
  });
});

it("insufficientFunds says what is there, what is needed and what is missing", () => {
  const error = insufficientFunds("alice", 40n, 60n);
  expect(error.metadata).toEqual({
    account_id: "alice",
    available_usd_micros: "40",
    required_usd_micros: "60",
    shortfall_usd_micros: "20",
  });
  expect(error.message).toBe("account alice has 40 micro-USD available and needs 60: 20 short");
});
