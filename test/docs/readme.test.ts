import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SETTINGS } from "../../src/config.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

it("the README's table has every setting with its flag, default and what it takes, and no other", () => {
  const rows = readme.split("\n").filter((line) => line.startsWith("| `TOLLGATE_"));
  const table = Object.values(SETTINGS).map((setting) => {
    const value = setting.default === undefined ? "–" : `\`${setting.default}\``;
    return `| \`${setting.environment}\` | \`${setting.flag}\` | ${value} | ${setting.takes} | ${setting.description} |`;
  });
  expect(rows).toEqual(table);
});

it("every npm script that the README names exists", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] as string);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
