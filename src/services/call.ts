import { createContextKey, type HandlerContext } from "@connectrpc/connect";

/** What every call carries besides its message. */
export interface Call {
  /** Stable name of who calls: the namespace of request ids and page tokens. */
  readonly caller: string;
  /** Names this call in the log, and in the answer if something goes wrong. */
  readonly correlationId: string;
}

/** Name of every caller while no credentials are configured, which is only possible on loopback. */
export const LOCAL_CALLER = "local";

export const CALL = createContextKey<Call>({ caller: LOCAL_CALLER, correlationId: "" });

export function callOf(context: HandlerContext): Call {
  return context.values.get(CALL);
}

/** Tells the caller that this is the answer to an earlier call with the same request_id. */
export function markReplayed(context: HandlerContext): void {
  context.responseHeader.set("idempotent-replayed", "true");
}
