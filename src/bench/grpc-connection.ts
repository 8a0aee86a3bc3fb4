import { once } from "node:events";
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";

/** Wide enough that answers never wait for a window update. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const PREFIX_BYTES = 5;

/** How one call ended. */
export interface Answer {
  /** "" if it went well, an ErrorInfo reason or "grpc-status N" if not; undefined if no status arrived. */
  readonly error: string | undefined;
  /** performance.now() when the status arrived. */
  readonly at: number;
  /** The encoded message, if it was to be kept and there is one. */
  readonly message: Uint8Array | undefined;
  /** Whether it was given up at its deadline. */
  readonly isLate?: boolean;
}

/** gRPC on bare http2: as little work a call as Node allows, so that a load generator measures the service and not itself. */
export class GrpcConnection {
  private constructor(private readonly session: ClientHttp2Session) {}

  /** @param target "127.0.0.1:50051" */
  static async open(target: string): Promise<GrpcConnection> {
    const session = connect(`http://${target}`, { settings: { initialWindowSize: WINDOW_BYTES, enablePush: false } });
    // Until the service has said how many streams it takes, Node lets only a hundred out.
    await once(session, "remoteSettings");
    session.setLocalWindowSize(WINDOW_BYTES);
    // A broken session shows as calls without a status.
    session.on("error", () => {});
    return new GrpcConnection(session);
  }

  /**
   * Makes a unary call. Never rejects.
   * @param frame the message with its gRPC prefix
   * @param deadlineMs told to the service, and when the call is cancelled if it hasn't ended; undefined: none
   */
  call(path: string, frame: Uint8Array, keepsMessage: boolean, deadlineMs?: number): Promise<Answer> {
    if (this.session.closed || this.session.destroyed) return Promise.resolve(noAnswer());
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let status: IncomingHttpHeaders | undefined;
      let at = 0;
      const ended = (headers: IncomingHttpHeaders): void => {
        if (headers["grpc-status"] === undefined) return;
        status = headers;
        at = performance.now();
      };
      const stream = this.session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...(deadlineMs === undefined ? {} : { "grpc-timeout": `${deadlineMs}m` }),
      });
      let isLate = false;
      const giveUp = (): void => {
        isLate = true;
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const timer = deadlineMs === undefined ? undefined : setTimeout(giveUp, deadlineMs);
      stream.on("response", ended);
      stream.on("trailers", ended);
      stream.on("data", (chunk: Buffer) => {
        if (keepsMessage) chunks.push(chunk);
      });
      stream.on("error", () => {});
      stream.on("close", () => {
        clearTimeout(timer);
        if (!status) return resolve({ ...noAnswer(), isLate });
        const message = chunks.length > 0 ? Buffer.concat(chunks).subarray(PREFIX_BYTES) : undefined;
        resolve({ error: errorIn(status), at, message });
      });
      stream.end(frame);
    });
  }

  /** Cuts the connection; calls in flight end without a status. */
  destroy(): void {
    this.session.destroy();
  }
}

/** A message as it goes over the wire: uncompressed, with its length. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

function noAnswer(): Answer {
  return { error: undefined, at: performance.now(), message: undefined };
}

function errorIn(status: IncomingHttpHeaders): string {
  if (status["grpc-status"] === "0") return "";
  const details = status["grpc-status-details-bin"];
  if (typeof details === "string") {
    for (const detail of fromBinary(StatusSchema, Buffer.from(details, "base64")).details) {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info) return info.reason;
    }
  }
  return `grpc-status ${status["grpc-status"]}`;
}
