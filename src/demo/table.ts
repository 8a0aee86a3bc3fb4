/** How a column stands. */
export type Alignment = "left" | "right";

const GAP = "  ";

/** Rows as lines of one width, each column as wide as its widest cell. @param alignments one for each column */
export function alignRows(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
  const widths = alignments.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    alignments
      .map((alignment, column) => {
        const cell = row[column] ?? "";
        const width = widths[column] ?? 0;
        return alignment === "left" ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP),
  );
}

/** A box around lines of one width, with a title in its upper edge. A line "" becomes a rule across the box. */
export function boxed(title: string, lines: readonly string[]): string[] {
  const width = Math.max(title.length + 2, ...lines.map((line) => line.length));
  return [
    `┌─ ${title} ${"─".repeat(width - title.length - 1)}┐`,
    ...lines.map((line) => (line === "" ? `├${"─".repeat(width + 2)}┤` : `│ ${line.padEnd(width)} │`)),
    `└${"─".repeat(width + 2)}┘`,
  ];
}
