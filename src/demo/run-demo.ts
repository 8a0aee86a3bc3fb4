import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditLedger } from "../audit/audit.js";
import { formatReport } from "../audit/report.js";
import { openStore } from "../storage/open.js";
import { castAct } from "./cast-act.js";
import { claim, present } from "./claim.js";
import { startDemoService } from "./demo-service.js";
import { EARLIER_DAYS, playEarlierDays } from "./earlier-days.js";
import { monthAct } from "./month-act.js";
import { paidAct } from "./paid-act.js";
import { Screen } from "./screen.js";
import { COLOUR, SPELL_STEPS } from "./spell-steps.js";
import { unpaidAct } from "./unpaid-act.js";

export interface DemoOptions {
  /** Where the story is told. */
  readonly write: (text: string) => void;
  readonly hasColours: boolean;
  /** Keeps the books there instead of in a temporary SQLite file. */
  readonly databaseUrl?: string | undefined;
}

/**
 * Plays a settlement, a failed payment, a spell of three steps and a creator's month, on a service of its own, and audits its books.
 * @throws Error if anything it tells is not so: balances that don't add up, an output that left early, an audit that isn't clean
 */
export async function runDemo({ write, hasColours, databaseUrl }: DemoOptions): Promise<void> {
  const screen = new Screen(write, hasColours);
  screen.line(screen.styled("bold", "Tollgate: no output leaves before its debit is committed."));
  if (databaseUrl !== undefined) {
    screen.remark("Books that are kept are never dated back, so the creator's month will be today.");
    return play(screen, databaseUrl, `-${randomBytes(3).toString("hex")}`);
  }
  const folder = await mkdtemp(join(tmpdir(), "tollgate-demo-"));
  try {
    const ownUrl = `sqlite:${join(folder, "demo.db")}`;
    await playEarlierDays(ownUrl);
    screen.remark(`${EARLIER_DAYS} days of the past month are in its books already, on a clock set by hand.`);
    await play(screen, ownUrl, "");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function play(screen: Screen, databaseUrl: string, suffix: string): Promise<void> {
  const startedAt = performance.now();
  const service = await startDemoService(databaseUrl, suffix);
  try {
    screen.remark(`Calls go to ${service.grpcAddress} (gRPC), webhooks to ${service.httpUrl}.`);
    await paidAct(screen, service);
    await unpaidAct(screen, service);
    const steps = await castAct(screen, service);
    await monthAct(screen, service, present(steps[SPELL_STEPS.indexOf(COLOUR)], "step"));
  } finally {
    await service.stop();
  }
  await auditAct(screen, databaseUrl);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  screen.remark(`All of this took ${seconds} s.`);
}

/** Checks every invariant on the books as they were left. */
async function auditAct(screen: Screen, databaseUrl: string): Promise<void> {
  screen.heading("5. The books, audited");
  const store = openStore(databaseUrl);
  try {
    const report = await auditLedger(store);
    const text = formatReport(report).replace(/^(?=.)/gm, "  ");
    screen.text(text.replace(/^ +clean$/m, (line) => screen.styled("green", line)));
    claim(report.violations.length === 0, "the audit is clean");
  } finally {
    await store.close();
  }
}
