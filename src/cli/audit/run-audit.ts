import { type AccountReport, auditAccount } from "../../audit/account-audit.js";
import { type Anchor, compareWithAnchors, headsOf } from "../../audit/anchors.js";
import { type AccountsAudit, auditView, READS_AT_ONCE } from "../../audit/audit.js";
import { formatReport, verdict } from "../../audit/report.js";
import { ViolationCollector } from "../../audit/violations.js";
import { isPlatformAccount, publicAccountId } from "../../domain/accounts.js";
import { formatUsd } from "../../domain/money.js";
import type { AuditStore, AuditView } from "../../storage/audit-store.js";
import { readAnchors, writeAnchors } from "./anchor-file.js";

export interface AuditRun {
  /** Only this account, as callers know it. Not together with anchorFile. */
  readonly accountId?: string | undefined;
  /** Where the heads of all hash chains go if nothing is wrong. */
  readonly anchorFile?: string | undefined;
  /** Heads of an earlier audit that must still stand. */
  readonly againstFile?: string | undefined;
  /** Audits the accounts of a moment elsewhere, where the store can show it there too. */
  readonly accountsOf?: ((moment: string) => AccountsAudit) | undefined;
  /** Called now and then with the rows walked so far, of all tables, and how many there are in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface AuditOutcome {
  /** For people; ends with a line break. */
  readonly text: string;
  readonly isClean: boolean;
}

/**
 * Audits a live store and does with anchor files what is asked, all of it at one moment of the store.
 * @throws StoreError; AnchorFileError; TollgateError ACCOUNT_NOT_FOUND
 */
export function runAudit(store: AuditStore, run: AuditRun): Promise<AuditOutcome> {
  return store.snapshot(
    (view) => (run.accountId === undefined ? runWhole(view, run) : runOne(view, run.accountId, run)),
    { readsAtOnce: READS_AT_ONCE },
  );
}

async function runWhole(view: AuditView, run: AuditRun): Promise<AuditOutcome> {
  const { anchorFile, againstFile, onProgress } = run;
  const accounts = view.moment === undefined ? undefined : run.accountsOf?.(view.moment);
  // First, because a file that can't be read should be known before a long audit, not after it.
  const anchored = new ViolationCollector();
  const compared = againstFile && (await compareWithAnchors(view, readAnchors(againstFile), anchored));
  const report = await auditView(view, { onProgress, accounts });
  const violations = [...report.violations, ...anchored.list()];
  const isClean = violations.length === 0;
  let text = formatReport({ ...report, violations });
  if (againstFile) text += comparedLine(Number(compared), againstFile);
  if (anchorFile && isClean)
    text += `Heads written to ${anchorFile}: ${await writeAnchors(anchorFile, headsOf(view))}\n`;
  if (anchorFile && !isClean) text += `Nothing written to ${anchorFile}: only clean books are anchored.\n`;
  return { text, isClean };
}

async function runOne(view: AuditView, accountId: string, { againstFile }: AuditRun): Promise<AuditOutcome> {
  const anchored = new ViolationCollector();
  const compared =
    againstFile && (await compareWithAnchors(view, anchorsOf(accountId, readAnchors(againstFile)), anchored));
  const report = await auditAccount(view, accountId);
  const violations = [...report.violations, ...anchored.list()];
  let text = formatAccountReport({ ...report, violations });
  if (againstFile) text += comparedLine(Number(compared), againstFile);
  return { text, isClean: violations.length === 0 };
}

async function* anchorsOf(accountId: string, anchors: AsyncIterable<Anchor>): AsyncGenerator<Anchor> {
  for await (const anchor of anchors) {
    if (publicAccountId(anchor.accountId) === accountId) yield anchor;
  }
}

function comparedLine(compared: number, file: string): string {
  return `Heads of ${file} compared: ${compared}\n`;
}

function formatAccountReport({ accountId, accounts, checked, violations }: AccountReport): string {
  const { entries, grants, transactions } = checked;
  const balance = accounts.reduce((sum, account) => sum + account.balanceUsdMicros, 0n);
  const held = accounts.reduce((sum, account) => sum + account.heldUsdMicros, 0n);
  const kept = isPlatformAccount(accountId)
    ? `in ${accounts.length} stripes`
    : `version ${accounts[0]?.version ?? "unknown"}`;
  const sections = [
    `Checked account ${accountId}: ${entries} entries, ${grants} grants, ${transactions} transactions.`,
    `Balance (US$) ${formatUsd(balance)}, of which held ${formatUsd(held)}; ${kept}`,
    verdict(violations),
  ];
  return `${sections.join("\n\n")}\n`;
}
