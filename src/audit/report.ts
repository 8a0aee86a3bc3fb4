import { formatUsd } from "../domain/money.js";
import type { AuditReport } from "./audit.js";
import { INVARIANTS } from "./invariants.js";
import type { TrialBalanceLine } from "./trial-balance.js";
import type { Violation } from "./violations.js";

/** An audit's report for people: counts, the trial balance in dollars, and the violations or "clean". Ends with a line break. */
export function formatReport(report: AuditReport): string {
  const { accounts, entries, transactions, generations } = report.checked;
  const sections = [
    `Checked ${accounts} accounts, ${entries} entries, ${transactions} transactions, ${generations} generations.`,
    ["Trial balance (US$)", ...trialBalanceTable(report.trialBalance)].join("\n"),
    verdict(report.violations),
  ];
  return `${sections.join("\n\n")}\n`;
}

function trialBalanceTable(lines: readonly TrialBalanceLine[]): string[] {
  const sum = lines.reduce((total, line) => total + line.balanceUsdMicros, 0n);
  const rows = [...lines.map((line) => [line.accountId, formatUsd(line.balanceUsdMicros)]), ["sum", formatUsd(sum)]];
  const nameWidth = Math.max(...rows.map(([name = ""]) => name.length));
  const amountWidth = Math.max(...rows.map(([, amount = ""]) => amount.length));
  return rows.map(([name = "", amount = ""]) => `  ${name.padEnd(nameWidth)}  ${amount.padStart(amountWidth)}`);
}

/** "clean", or the violations, a line each. */
export function verdict(violations: readonly Violation[]): string {
  if (violations.length === 0) return "clean";
  const lines = violations.map(({ invariant, row, detail, count }) => {
    const more = count > 1 ? ` (and ${count - 1} more)` : "";
    return oneLine(`  ${invariant}: ${row}: ${detail}${more}. ${INVARIANTS[invariant]}`);
  });
  return [`Broken: ${violations.length}`, ...lines].join("\n");
}

/** Ids in a tampered row may hold anything, line breaks and terminal codes too; a violation stays one plain line. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
