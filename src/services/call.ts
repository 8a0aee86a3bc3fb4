import { randomUUID } from "node:crypto";
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Submitter } from "../ledger/writer.js";

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

/** A call whose correlation id is made when somebody asks for it: nobody does of one that goes well, but for the log at debug. */
export class NewCall implements Call {
  private id: string | undefined;

  constructor(readonly caller: string) {}

  get correlationId(): string {
    this.id ??= randomUUID();
    return this.id;
  }
}

export function callOf(context: HandlerContext): Call {
  return context.values.get(CALL);
}

/** Set by a transport that answers a caller whose deadline has passed by itself, and that knows without an AbortSignal, which is dear to make for every call; or that has been let in already. */
export const SUBMITTER = createContextKey<Submitter | undefined>(undefined);

/** Whether the caller still waits, and has been let in. */
export function submitterOf(context: HandlerContext): Submitter {
  return context.values.get(SUBMITTER) ?? context.signal;
}

/** Tells the caller that this is the answer to an earlier call with the same request_id. */
export function markReplayed(context: HandlerContext): void {
  context.responseHeader.set("idempotent-replayed", "true");
}
