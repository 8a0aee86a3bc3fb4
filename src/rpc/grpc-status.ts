import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { toConnectError } from "./status.js";

/** An error as grpc-js sends it, with the google.rpc.Status that carries its details. */
export function toStatus(thrown: unknown): StatusObject {
  const error = thrown instanceof ConnectError ? thrown : toConnectError(thrown, "");
  const metadata = new Metadata();
  if (error.details.length > 0) {
    const details = error.details.flatMap((detail) =>
      "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value as never))] : [],
    );
    const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
    metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  }
  return { code: error.code as number, details: error.rawMessage, metadata };
}
