#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { ConfigError } from "./config.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Each in a module of its own, so that a short command doesn't wait for the servers of the long ones to be loaded. */
const COMMANDS = new Map<string, () => Promise<Command>>(
  Object.entries({
    serve: async () => (await import("./cli/serve.js")).serveCommand(),
    migrate: async () => (await import("./cli/migrate.js")).migrateCommand(),
    audit: async () => (await import("./cli/audit/audit.js")).auditCommand(),
    bridge: async () => (await import("./cli/bridge.js")).bridgeCommand(),
    "import-legacy": async () => (await import("./cli/import-legacy/import-legacy.js")).importLegacyCommand(),
    bench: async () => (await import("./cli/bench.js")).benchCommand(),
    demo: async () => (await import("./cli/demo.js")).demoCommand(),
  }),
);

const program = new Command("tollgate")
  .description("Economy service for an AI-generation platform: no output leaves before its debit is committed.")
  .version(version);
const named = COMMANDS.get(process.argv[2] ?? "");
for (const load of named ? [named] : COMMANDS.values()) program.addCommand(await load());

try {
  await program.parseAsync();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`tollgate: ${message}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
