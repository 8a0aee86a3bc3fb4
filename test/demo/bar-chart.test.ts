import { expect, it } from "vitest";
import { type Bar, barChart } from "../../src/demo/bar-chart.js";

it("draws the highest bar over the whole height and the others in proportion, to an eighth of a cell", () => {
  expect(chart([bar(16n), bar(8n), bar(5n), bar(0n)])).toEqual(["16 │ █      ", "   │ █ █ ▅  ", " 0 └────────"]);
});

it("shades what was taken back above what was kept", () => {
  expect(chart([bar(16n, 8n), bar(16n, 16n)])).toEqual(["16 │ ░ ░", "   │ █ ░", " 0 └────"]);
});

it("lets the smallest amount be seen", () => {
  expect(chart([bar(1_000_000n), bar(1n)])[1]).toBe("        │ █ ▁");
});

it("shows more taken back than came in as nothing kept", () => {
  expect(chart([bar(16n), bar(8n, 20n), bar(0n, 3n)])).toEqual(["16 │ █    ", "   │ █ ░  ", " 0 └──────"]);
});

it("draws days without anything as an empty chart", () => {
  expect(chart([bar(0n), bar(0n)])).toEqual(["1 │    ", "  │    ", "0 └────"]);
});

function bar(gross: bigint, takenBack = 0n): Bar {
  return { gross, takenBack };
}

function chart(bars: readonly Bar[]): string[] {
  return barChart(bars, 2, String);
}
