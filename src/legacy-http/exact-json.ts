import { randomUUID } from "node:crypto";

/** A number as it was written: JSON.parse would make a float of it, and 0.1000000000000000001 would pass for 0.1. */
export class JsonNumber {
  /** @param text as JSON allows it: "0.1", "-5", "1e-7" */
  constructor(readonly text: string) {}
}

/** What exact JSON is made of. */
export type Json = null | boolean | string | JsonNumber | readonly Json[] | { readonly [key: string]: Json };

const DEEPEST = 32;
/** A string, a number, or what opens or closes a level; whatever stands in a string is none of these. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[[{]|[\]}]/g;
/** Made at start and told to nobody, so that no body can bring an object that looks like a number. */
const NUMBER_KEY = randomUUID();

/**
 * Reads JSON and keeps numbers as they were written.
 * @throws SyntaxError no JSON, a lone surrogate, or more than 32 levels deep
 */
export function parseExactJson(text: string): Json {
  JSON.parse(text);
  let depth = 0;
  const marked = text.replace(TOKENS, (token) => {
    if (token === "{" || token === "[") {
      depth++;
      if (depth > DEEPEST) throw new SyntaxError(`takes at most ${DEEPEST} levels`);
    } else if (token === "}" || token === "]") {
      depth--;
    } else if (!token.startsWith('"')) {
      return `{"${NUMBER_KEY}":"${token}"}`;
    }
    return token;
  });
  return JSON.parse(marked, (key, value) => {
    if (!key.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
      throw new SyntaxError("takes Unicode text");
    }
    const isNumber = typeof value === "object" && value !== null && Object.hasOwn(value, NUMBER_KEY);
    return isNumber ? new JsonNumber(value[NUMBER_KEY]) : value;
  });
}

/** Writes what parseExactJson read, numbers as they came. */
export function writeExactJson(value: Json): string {
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeExactJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${writeExactJson(member)}`);
  return `{${members.join(",")}}`;
}
