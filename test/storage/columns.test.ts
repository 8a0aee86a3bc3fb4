import { describe, expect, it } from "vitest";
import type { GrantMovement } from "../../src/domain/ledger/rows.js";
import { movementsIn } from "../../src/storage/columns.js";
import { ENTRIES } from "../../src/storage/tables.js";
import { entryRow } from "../conformance/rows.js";

const FIRST = "019aa5b2-7c31-7e4a-9b4e-0123456789ab";
const SECOND = "019aa5b2-7c31-7e4a-9b4e-0123456789ac";
const MOST = 2n ** 53n - 1n;

describe("what an entry did to grants", () => {
  const cases: readonly (readonly [string, readonly GrantMovement[], string])[] = [
    ["none", [], "[]"],
    ["one", [[FIRST, -12n]], `[["${FIRST}","-12"]]`],
    [
      "two",
      [
        [FIRST, -1n],
        [SECOND, MOST],
      ],
      `[["${FIRST}","-1"],["${SECOND}","${MOST}"]]`,
    ],
  ];

  it.each(cases)("is stored as JSON with amounts as decimal strings, of %s of them", (_, grantMovements, text) => {
    const columns = ENTRIES.columns.filter(({ type }) => type === "movements");
    expect(ENTRIES.encode(entryRow("ann", 1n, { grantMovements }), columns)).toEqual([text]);
    expect(movementsIn(text)).toEqual(grantMovements);
  });
});
