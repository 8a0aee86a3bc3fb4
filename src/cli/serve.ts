import cluster from "node:cluster";
import type { Command } from "commander";
import { startApp } from "../app.js";
import { type Config, checkServing, SETTINGS } from "../config.js";
import { makeLog } from "./log.js";
import { commandWithSettings, configFrom, environmentFrom, type SettingName } from "./settings.js";
import { endOnSignals, makeEnding } from "./stopping.js";
import { serveWithWorkers } from "./workers/primary.js";
import { serveAsWorker } from "./workers/worker.js";

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
  if (cluster.worker) return serveAsWorker(config, cluster.worker);
  if (config.workers > 1) return serveWithWorkers(config, environmentFrom(options), sayReady);
  return serveAlone(config);
}

async function serveAlone(config: Config): Promise<void> {
  const log = makeLog(config.logLevel);
  const app = await startApp(config, log);
  endOnSignals(makeEnding(log, () => app.stop()));
  sayReady(app.grpcAddress, app.httpUrl);
}

function sayReady(grpcAddress: string, httpUrl: string): void {
  process.stdout.write(
    `tollgate is ready: gRPC on ${grpcAddress}, HTTP on ${httpUrl} (loopback only: no credentials are configured)\n`,
  );
}
