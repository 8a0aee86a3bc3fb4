import { Command, Option } from "commander";
import { ConfigError } from "../config.js";
import { runDemo } from "../demo/run-demo.js";

/**
 * `tollgate demo`. It reads no environment, so that a database which is set there for `serve` isn't played on by accident.
 */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Plays a settlement, a failed payment, a spell of three steps and a creator's month. Exits 1 if anything is not as it should be.",
    )
    .addOption(
      new Option(
        "--database-url <value>",
        "Where the books are kept, for good. Takes sqlite:PATH or postgres://… (default: a temporary file)",
      ),
    )
    .action(demo);
}

async function demo({ databaseUrl }: { readonly databaseUrl?: string }): Promise<void> {
  if (databaseUrl === "sqlite::memory:") {
    throw new ConfigError("--database-url got sqlite::memory:, which is gone before it can be audited");
  }
  await runDemo({
    write: (text) => process.stdout.write(text),
    hasColours: process.stdout.isTTY && process.stdout.hasColors(),
    databaseUrl,
  });
}
