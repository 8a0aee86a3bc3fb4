import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { openCore } from "../../core.js";
import { CallCarrier } from "../../rpc/writing-thread/call-carrier.js";
import { SharedRoom } from "../../rpc/writing-thread/shared-room.js";
import { makeLog } from "../log.js";
import type { FromThread, ThreadInput, ToThread } from "./messages.js";

/* What the thread does that writing-thread.ts starts. */

const parent = parentPort as MessagePort;
const { config, worker, calls, room } = workerData as ThreadInput;
const core = await openCore(config, makeLog(config.logLevel, worker), { worker, isThread: true });
const carrier = new CallCarrier({
  port: calls,
  services: core.services,
  interceptors: core.chain,
  shared: new SharedRoom(room),
  room: () => core.writer.room,
});
parent.on("message", (message: ToThread) => {
  if (message.kind === "stop") void stop();
  else void core.metrics.snapshot().then((metrics) => say({ kind: "measured", id: message.id, metrics }));
});
say({ kind: "ready" });

/** With nothing left to listen to, the thread ends. */
async function stop(): Promise<void> {
  await core.close();
  carrier.close();
  parent.close();
}

function say(message: FromThread): void {
  parent.postMessage(message);
}
