import type { Spread } from "./result.js";

/** 12.3 (11.9–12.8): the median, and the smallest and the largest; – for no number. */
export function withSpread({ median, min, max }: Spread): string {
  if (Number.isNaN(median)) return rounded(median);
  return `${rounded(median)} (${rounded(min)}–${rounded(max)})`;
}

/** Three digits or more, whatever the size; – for no number. */
export function rounded(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** Columns beside each other, each as wide as its widest cell. @param rows the first of them has the names of the columns */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
