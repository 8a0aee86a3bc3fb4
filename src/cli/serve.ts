import type { Command } from "commander";
import { startApp } from "../app.js";
import { checkServing, SETTINGS } from "../config.js";
import { makeLog } from "./log.js";
import { commandWithSettings, configFrom, type SettingName } from "./settings.js";

/** A stop that takes longer is cut off. */
const STOP_DEADLINE_MS = 10_000;

export function serveCommand(): Command {
  return commandWithSettings(
    "serve",
    "Serves gRPC and HTTP until SIGTERM or SIGINT.",
    Object.keys(SETTINGS) as SettingName[],
  ).action(serve);
}

async function serve(options: Record<string, string | undefined>): Promise<void> {
  const config = configFrom(options);
  checkServing(config);
  const log = makeLog(config.logLevel);
  const app = await startApp(config, log);
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "stopping");
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    app.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "the stop failed");
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.stdout.write(
    `tollgate is ready: gRPC on ${app.grpcAddress}, HTTP on ${app.httpUrl} (loopback only: no credentials are configured)\n`,
  );
}
