import { statSync } from "node:fs";
import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { withServices } from "../../core.js";
import { formatUsd } from "../../domain/money.js";
import { makeLog } from "../log.js";
import { commandWithSettings, configFrom } from "../settings.js";
import { type ImportTotals, runImport } from "./run-import.js";

export function importLegacyCommand(): Command {
  return commandWithSettings(
    "import-legacy",
    "Brings old balances in from an export: JSON lines, or CSV with a header. Run it again after a stop: nothing is imported twice.",
    ["databaseUrl", "secret", "logLevel"],
  )
    .argument("<file>", "the export; a name that ends in .csv is CSV")
    .requiredOption(
      "--source <name>",
      "names the export, 1-60 of A-Z a-z 0-9 _ . - ; an account is imported once for each",
    )
    .option("--usd-per-point <rate>", "US$ of a point, a decimal with at most 12 decimals", "")
    .option("--usd-per-qoint <rate>", "US$ of a qoint, likewise", "")
    .option("--usd-per-doint <rate>", "US$ of a doint, likewise", "")
    .option("--refused <file>", "where refused rows go, with line number and problem", "refused.jsonl")
    .option("--dry-run", "only say what would be imported")
    .action(importLegacy);
}

type Flags = Readonly<Record<"source" | "usdPerPoint" | "usdPerQoint" | "usdPerDoint" | "refused", string>> & {
  readonly dryRun?: boolean;
};

async function importLegacy(file: string, flags: Flags & Record<string, string>): Promise<void> {
  const { databaseUrl, secret, logLevel } = flags;
  const config = configFrom(
    Object.fromEntries(Object.entries({ databaseUrl, secret, logLevel }).filter(([, value]) => value !== undefined)),
  );
  const isWatched = process.stderr.isTTY;
  const bar = new SingleBar({
    format: "importing {bar} {percentage}% {imported} imported, {skipped} skipped, {refused} refused",
    stream: process.stderr,
  });
  const counts = ({ imported, skipped, refused }: ImportTotals) => ({ imported, skipped, refused });
  if (isWatched) bar.start(statSync(file).size, 0, { imported: 0, skipped: 0, refused: 0 });
  try {
    const totals = await withServices(config, makeLog(config.logLevel), ({ economy }) =>
      runImport(economy, {
        file,
        sourceName: flags.source,
        usdPerPoint: flags.usdPerPoint,
        usdPerQoint: flags.usdPerQoint,
        usdPerDoint: flags.usdPerDoint,
        isDryRun: flags.dryRun === true,
        refusedFile: flags.refused,
        onProgress: (bytes, now) => {
          if (isWatched) bar.update(bytes, counts(now));
        },
      }),
    );
    bar.stop();
    const verb = flags.dryRun ? "would be imported" : "imported";
    process.stdout.write(
      `${totals.imported} ${verb}, worth ${formatUsd(totals.totalUsdMicros)} US$; ${totals.skipped} skipped; ${totals.refused} refused${totals.refused > 0 ? `, see ${flags.refused}` : ""}\n`,
    );
  } finally {
    bar.stop();
  }
}
