import type { MessagePort } from "node:worker_threads";
import type { Config } from "../../config.js";
import type { MetricsSnapshot } from "../../telemetry/metrics.js";

/** What the thread is started with. */
export interface ThreadInput {
  /** publicUrl included. */
  readonly config: Config;
  /** Name of its process, if that is one of several. */
  readonly worker: string | undefined;
  /** Where its calls come from. */
  readonly calls: MessagePort;
  /** Memory of a `SharedRoom`. */
  readonly room: SharedArrayBuffer;
}

/** What the thread says. */
export type FromThread =
  /** It takes calls. */
  { readonly kind: "ready" } | { readonly kind: "measured"; readonly id: number; readonly metrics: MetricsSnapshot };

/** What it is told. */
export type ToThread = { readonly kind: "measure"; readonly id: number } | { readonly kind: "stop" };
