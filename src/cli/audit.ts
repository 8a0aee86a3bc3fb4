import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { auditLedger } from "../audit/audit.js";
import { formatReport } from "../audit/report.js";
import { openStore } from "../storage/open.js";
import { commandWithSettings, configFrom } from "./settings.js";

export function auditCommand(): Command {
  return commandWithSettings(
    "audit",
    "Checks every invariant of the books on a live store, from one unchanging view of it. Exits 1 and names the first row of each kind of violation.",
    ["databaseUrl"],
  ).action(audit);
}

async function audit(options: Record<string, string | undefined>): Promise<void> {
  const store = openStore(configFrom(options).databaseUrl);
  const bar = new SingleBar({ format: "auditing {bar} {percentage}% {value}/{total} rows", stream: process.stderr });
  const isWatched = process.stderr.isTTY;
  if (isWatched) bar.start(0, 0);
  try {
    const report = await auditLedger(store, {
      onProgress: (done, total) => {
        if (!isWatched) return;
        bar.setTotal(total);
        bar.update(done);
      },
    });
    bar.stop();
    process.stdout.write(formatReport(report));
    if (report.violations.length > 0) process.exitCode = 1;
  } finally {
    bar.stop();
    await store.close();
  }
}
