import type { Worker } from "node:cluster";

/** How node:cluster wraps a connection that it hands to a worker, and the worker's answer. Neither is a documented interface. */
interface ClusterMessage {
  readonly seq?: number;
  readonly ack?: number;
}

interface Closable {
  close(): void;
}

/**
 * Closes connections that were on their way to a worker when it ended. Node forgets them (20.20 does): they stay open in the primary, nobody reads them, and their clients wait for an answer until a deadline. Closed, a
 * client knows at once and connects again. There is no other hold on them than the call that sends them. Should Node change it, nothing is closed here, and a test says so.
 */
export function closeConnectionsLostWith(worker: Worker): void {
  const { process } = worker;
  const send = process.send?.bind(process) as ((...parameters: unknown[]) => boolean) | undefined;
  if (!send) return;
  const untaken = new Map<number, Closable>();
  const watched = (message: ClusterMessage, handle: Closable | undefined, ...more: unknown[]): boolean => {
    if (handle && message.seq !== undefined) untaken.set(message.seq, handle);
    return send(message, handle, ...more);
  };
  process.send = watched as typeof process.send;
  // Taken or given back: from here on node:cluster sees to it.
  process.on("internalMessage", ({ ack }: ClusterMessage) => ack !== undefined && untaken.delete(ack));
  worker.once("exit", () => {
    for (const handle of untaken.values()) handle.close();
  });
}
