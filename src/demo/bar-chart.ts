/** One bar: what came in, and how much of it went out again. */
export interface Bar {
  readonly gross: bigint;
  readonly takenBack: bigint;
}

/** From nothing to a full cell in eighths. */
const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const TAKEN_BACK = "░";

/**
 * Upright bars next to each other, two columns each, on an axis: what was kept is solid, what was taken back is shaded above it. Whatever isn't nothing is seen.
 * @param height rows of cells
 * @param format how the axis names the highest bar and zero
 */
export function barChart(bars: readonly Bar[], height: number, format: (amount: bigint) => string): string[] {
  const highest = bars.reduce((most, { gross }) => (gross > most ? gross : most), 1n);
  const eighths = (amount: bigint): number =>
    amount > 0n ? Number((amount * BigInt(height * 8) + highest - 1n) / highest) : 0;
  const levels = bars.map(({ gross, takenBack }) => ({ gross: eighths(gross), kept: eighths(gross - takenBack) }));
  const names = [format(highest), ...Array<string>(height - 1).fill(""), format(0n)];
  const width = Math.max(...names.map((name) => name.length));

  const rows = Array.from({ length: height }, (_, row) => {
    const floor = 8 * (height - 1 - row);
    return `│${levels.map(({ gross, kept }) => ` ${cell(gross - floor, kept - floor)}`).join("")}`;
  });
  return [...rows, `└${"──".repeat(bars.length)}`].map((line, row) => `${names[row]?.padStart(width)} ${line}`);
}

/** @param gross eighths of the bar above the cell's floor @param kept as many of them as were kept */
function cell(gross: number, kept: number): string {
  if (kept > 0) return EIGHTHS[Math.min(kept, 8)] ?? "";
  return gross > 0 ? TAKEN_BACK : " ";
}
