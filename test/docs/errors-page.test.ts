import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ERRORS } from "../../src/domain/errors.js";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

/** reason → "code | metadata" as the page has it. */
const documented = new Map(
  [...page.matchAll(/^\| ([A-Z_]+) \| ([A-Z_]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map((row) => [
    row[1],
    `${row[2]} | ${row[3]}`,
  ]),
);

it("the errors page has every row of the table, with its code and metadata, and no other", () => {
  const table = Object.entries(ERRORS).map(([reason, { code, metadata }]) => [
    reason,
    `${code} | ${metadata.join(", ") || "–"}`,
  ]);
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(table));
});
