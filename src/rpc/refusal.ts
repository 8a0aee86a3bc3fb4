import type { OutgoingHttpHeaders } from "node:http2";
import type { StatusObject, status } from "@grpc/grpc-js";
import { toStatus } from "./grpc-status.js";

/** A status other than OK as the headers that say it. */
export type Refusal = OutgoingHttpHeaders;

/** Thrown where another thread has made the refusal. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly refusal: Refusal) {
    super("the call was refused");
  }
}

/** What is answered when running a call has failed. @param thrown anything */
export function refusalFor(thrown: unknown): Refusal {
  return thrown instanceof Refused ? thrown.refusal : refusalOf(toStatus(thrown));
}

export function refusalOf({ code, details, metadata }: StatusObject): Refusal {
  return { ...said(code, details), ...metadata.toHttp2Headers() };
}

/** A refusal that is a code and a sentence. */
export function said(code: status, message: string): Refusal {
  return { "grpc-status": code, "grpc-message": encodeURI(message.toWellFormed()) };
}
