#!/usr/bin/env -S node --max-semi-space-size=64
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { auditCommand } from "./cli/audit/audit.js";
import { benchCommand } from "./cli/bench.js";
import { bridgeCommand } from "./cli/bridge.js";
import { demoCommand } from "./cli/demo.js";
import { importLegacyCommand } from "./cli/import-legacy/import-legacy.js";
import { migrateCommand } from "./cli/migrate.js";
import { serveCommand } from "./cli/serve.js";
import { ConfigError } from "./config.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("tollgate")
  .description("Economy service for an AI-generation platform: no output leaves before its debit is committed.")
  .version(version)
  .addCommand(serveCommand())
  .addCommand(migrateCommand())
  .addCommand(auditCommand())
  .addCommand(bridgeCommand())
  .addCommand(importLegacyCommand())
  .addCommand(benchCommand())
  .addCommand(demoCommand());

try {
  await program.parseAsync();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`tollgate: ${message}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
