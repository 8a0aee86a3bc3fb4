import { type FieldProblem, invalidInput } from "./errors.js";
import { type Json, JsonNumber } from "./exact-json.js";
import { parseMillionths, parseUsd } from "./money.js";

/** An object of a body. */
export type JsonObject = { readonly [key: string]: Json };

/** Longest integer that JavaScript callers read exactly. */
const INTEGER = /^\d{1,15}$/;

/** Reads a body field by field and collects what is wrong, so that a caller hears everything at once. */
export class Fields {
  private readonly problems: FieldProblem[] = [];
  private readonly values: JsonObject;

  /**
   * @param name what it is called in errors
   * @throws LegacyError INVALID_INPUT if it is no JSON object
   */
  constructor(values: unknown, name = "body") {
    if (!isObject(values)) throw invalidInput([{ field: name, message: "takes a JSON object" }]);
    this.values = values;
  }

  add(field: string, message: string): void {
    this.problems.push({ field, message });
  }

  /** Text without the spaces around it; "" if there is none. */
  text(field: string): string {
    const value = this.values[field] ?? "";
    if (typeof value === "string") return value.trim();
    this.add(field, "takes a string");
    return "";
  }

  requiredText(field: string): string {
    const value = this.values[field] ?? "";
    if (typeof value === "string" && value.trim() !== "") return value.trim();
    this.add(field, "is required and takes a string that isn't empty");
    return "";
  }

  /** Money to move, in micro-USD. */
  usd(field: string): bigint {
    const amount = parseUsd(this.values[field]);
    if (amount !== undefined && amount > 0n) return amount;
    this.add(field, 'is required and takes US$ above 0 with at most 6 decimals, as a number or a string like "10.50"');
    return 0n;
  }

  /** A whole number of points. */
  points(field: string): bigint {
    const value = this.values[field];
    if (value instanceof JsonNumber && INTEGER.test(value.text) && BigInt(value.text) > 0n) return BigInt(value.text);
    this.add(field, "is required and takes an integer above 0");
    return 0n;
  }

  /** A number or a decimal string in millionths; undefined if there is none. */
  millionths(field: string): bigint | undefined {
    const value = this.values[field] ?? undefined;
    if (value === undefined) return undefined;
    const read = parseMillionths(value);
    if (read === undefined) this.add(field, "takes a number from 0 with at most 6 decimals");
    return read;
  }

  object(field: string): JsonObject {
    const value = this.values[field] ?? {};
    if (isObject(value)) return value;
    this.add(field, "takes an object");
    return {};
  }

  /** @throws LegacyError INVALID_INPUT if anything was wrong */
  check(): void {
    if (this.problems.length > 0) throw invalidInput(this.problems);
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}
