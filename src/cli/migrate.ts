import type { Command } from "commander";
import { openStore } from "../storage/open.js";
import { commandWithSettings, configFrom } from "./settings.js";

export function migrateCommand(): Command {
  return commandWithSettings("migrate", "Brings the schema up to date and ends. `serve` does the same at its start.", [
    "databaseUrl",
    "secret",
  ]).action(async (options) => {
    const store = openStore(configFrom(options).databaseUrl);
    try {
      await store.migrate();
      process.stdout.write("the schema is current\n");
    } finally {
      await store.close();
    }
  });
}
