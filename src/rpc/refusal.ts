import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { toConnectError } from "./status.js";

/** A status other than OK as the headers that say it. */
export type Refusal = Readonly<Record<string, string>>;

/** What is answered when running a call has failed. @param thrown anything */
export function refusalFor(thrown: unknown): Refusal {
  return refusalOf(thrown instanceof ConnectError ? thrown : toConnectError(thrown, ""));
}

/** A refusal that is a code and a sentence. */
export function said(code: Code, message: string): Refusal {
  return { "grpc-status": String(code), "grpc-message": encodeURI(message.toWellFormed()) };
}

/** With the google.rpc.Status that carries the error's details, if it has any. */
function refusalOf(error: ConnectError): Refusal {
  const { code, rawMessage: message } = error;
  if (error.details.length === 0) return said(code, message);
  const details = error.details.flatMap((detail) =>
    "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value as never))] : [],
  );
  const status = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  return { ...said(code, message), "grpc-status-details-bin": Buffer.from(status).toString("base64") };
}
