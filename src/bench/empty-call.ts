import { fork } from "node:child_process";
import { once } from "node:events";
import { endChild, endWithUs } from "./child-process.js";
import type { Stoppable } from "./resources.js";

/** The one method of the empty server. */
export const EMPTY_CALL_PATH = "/tollgate.bench.Empty/Call";

/** A grpc-js server that does nothing, in a process of its own. */
export interface EmptyServer extends Stoppable {
  /** "127.0.0.1:50051" */
  readonly target: string;
}

/** Starts a server whose answers cost nothing but the call. */
export async function startEmptyServer(): Promise<EmptyServer> {
  const child = fork(new URL("./empty-call-server.js", import.meta.url));
  endWithUs(child);
  const ended = once(child, "exit").then(() => [{}]);
  const [{ port }] = (await Promise.race([once(child, "message"), ended])) as [{ readonly port?: number }];
  if (port === undefined) throw new Error("the empty server doesn't start");
  return { target: `127.0.0.1:${port}`, stop: () => endChild(child) };
}
