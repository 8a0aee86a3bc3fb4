import type { Worker as ClusterWorker } from "node:cluster";
import { startApp, type Worker } from "../../app.js";
import type { Config } from "../../config.js";
import { makeLog } from "../log.js";
import { makeEnding, STOP_SIGNALS } from "../stopping.js";
import { type FromWorker, Questions, type ToWorker, WORKER_NAME } from "./messages.js";

/** Longer than the primary waits for the slowest worker. */
const SCRAPE_DEADLINE_MS = 4_000;

/** Serves behind the primary's ports until it is told to stop or the primary is gone. */
export async function serveAsWorker(config: Config, cluster: ClusterWorker): Promise<void> {
  const name = process.env[WORKER_NAME] ?? String(cluster.id);
  const log = makeLog(config.logLevel, name);
  const scrapes = new Questions<string>();
  const worker: Worker = {
    name,
    scrape: async (own) =>
      (await scrapes.ask((id) => tell({ kind: "scrape", id }), SCRAPE_DEADLINE_MS)) ?? (await own()),
  };
  const starting = startApp(config, log, worker);
  const end = makeEnding(log, async () => (await starting).stop());
  // More than one may come, from the primary and from whoever tells all processes of a group or a terminal.
  for (const signal of STOP_SIGNALS) process.on(signal, () => end({ signal }));
  cluster.on("disconnect", () => {
    // Or Node would end this process here and now, with calls in flight.
    cluster.exitedAfterDisconnect = true;
    end({ reason: "the primary is gone" });
  });
  const app = await starting;
  process.on("message", (message: ToWorker) => {
    if (message.kind === "scraped") scrapes.answer(message.id, message.text);
    else void app.metrics.snapshot().then((metrics) => tell({ kind: "measured", id: message.id, metrics }));
  });
  tell({ kind: "ready", grpcAddress: app.grpcAddress, httpUrl: app.httpUrl });
}

/** The primary may be gone at any time; what it was to be told is of no use then. */
function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
