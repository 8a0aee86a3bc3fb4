import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import type { AppOptions, WritingThread } from "../../app.js";
import type { Config } from "../../config.js";
import { SharedRoom } from "../../rpc/writing-thread/shared-room.js";
import type { MetricsSnapshot } from "../../telemetry/metrics.js";
import { Questions } from "../workers/messages.js";
import type { FromThread, ThreadInput, ToThread } from "./messages.js";

/** A thread that is too busy for its metrics is left out of a scrape. */
const MEASURE_DEADLINE_MS = 2_000;

/** How a process that serves starts its writing thread; undefined on SQLite, which writes on a thread already (docs/decisions/0030). @param worker the process's name, if it is one of several */
export function writingThreadOf(config: Config, worker?: string): AppOptions["startWritingThread"] {
  if (config.databaseUrl.startsWith("sqlite:")) return undefined;
  return (publicUrl) => startWritingThread(config, publicUrl, worker);
}

/**
 * Starts a thread with a core of its own, a store's connections included, for plain gRPC calls that write (docs/decisions/0033). A thread that fails takes the process with it, as a failure in this one would.
 * @throws what keeps the thread from starting
 */
async function startWritingThread(
  config: Config,
  publicUrl: string,
  worker: string | undefined,
): Promise<WritingThread> {
  const { port1: port, port2: calls } = new MessageChannel();
  const room = new SharedRoom();
  const workerData: ThreadInput = { config: { ...config, publicUrl }, worker, calls, room: room.memory };
  const thread = new Worker(new URL("./in-writing-thread.js", import.meta.url), {
    name: "writing",
    workerData,
    transferList: [calls],
  });
  const measurements = new Questions<MetricsSnapshot>();
  const tell = (message: ToThread): void => thread.postMessage(message);
  // "ready", before anything else.
  await once(thread, "message");
  thread.on("message", (message: FromThread) => {
    if (message.kind === "measured") measurements.answer(message.id, message.metrics);
  });
  const fail = (error: Error): never => {
    throw error;
  };
  const failIfItEnds = (code: number): never => fail(new Error(`the writing thread ended with ${code}`));
  thread.on("error", fail).on("exit", failIfItEnds);
  return {
    calls: port,
    room,
    metrics: () => measurements.ask((id) => tell({ kind: "measure", id }), MEASURE_DEADLINE_MS),
    async stop() {
      const ended = once(thread.off("exit", failIfItEnds), "exit");
      tell({ kind: "stop" });
      await ended;
    },
  };
}
