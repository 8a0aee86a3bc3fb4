import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { SOURCES_BY_OLD_TYPE } from "../../src/legacy-http/types.js";

const page = readFileSync(new URL("../../docs/legacy-http.md", import.meta.url), "utf8");

it("the page's table of old types is the one that the code uses", () => {
  const section = page.split("\n## Types")[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| (`.*?) \| ([A-Z_]+) \|/gm)];
  const table = rows.flatMap(([, types = "", source]) =>
    [...types.matchAll(/`([A-Z_]+)`/g)].map(([, type = ""]) => [type, source]),
  );
  const code = Object.entries(SOURCES_BY_OLD_TYPE).map(([type, source]) => [type, CreditSource[source]]);
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(code));
  expect(table).toHaveLength(code.length);
});
