import { MessageChannel } from "node:worker_threads";
import type { Logger } from "pino";
import type { WritingThread } from "../../src/app.js";
import type { Config } from "../../src/config.js";
import { openCore } from "../../src/core.js";
import { CallCarrier } from "../../src/rpc/writing-thread/call-carrier.js";
import { SharedRoom } from "../../src/rpc/writing-thread/shared-room.js";

/** What `tollgate serve` runs on a thread on Postgres, run in this one: a thread can't load sources that aren't built. Calls pass through the same port. */
export async function startWritingHere(config: Config, log: Logger, publicUrl: string): Promise<WritingThread> {
  const { port1, port2 } = new MessageChannel();
  const core = await openCore({ ...config, publicUrl }, log, { isThread: true });
  const shared = new SharedRoom();
  const { services, chain: interceptors, writer } = core;
  const carrier = new CallCarrier({ port: port2, services, interceptors, shared, room: () => writer.room });
  return {
    calls: port1,
    room: shared,
    metrics: () => core.metrics.snapshot(),
    async stop() {
      await core.close();
      carrier.close();
    },
  };
}
