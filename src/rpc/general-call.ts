import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { ErrorCode } from "../http2/frames.js";
import { encodeHeaders } from "../http2/hpack/encode-headers.js";
import type { RequestHeaders } from "../http2/request-headers.js";
import type { ServerStream } from "../http2/server-stream.js";
import { MOST_TIMEOUT_MS, timeoutMsOf } from "./grpc-timeout.js";
import { StreamBody } from "./stream-body.js";

/** Methods whose clients have said all when they have sent their one message. */
const OF_ONE_MESSAGE = ["unary", "server_streaming"];

/** Serves a call that isn't plain, a stream or compressed, by Connect's handler for gRPC. */
export async function serveGenerally(stream: ServerStream, handler: UniversalHandler): Promise<void> {
  const body = new StreamBody(stream);
  stream.serve(body);
  stream.expectsAll = OF_ONE_MESSAGE.includes(handler.method.methodKind);
  const { method, path, authority } = stream.headers;
  try {
    const header = headersOf(stream.headers);
    const url = `http://${authority}${path}`;
    await answer(stream, await handler({ httpVersion: "2.0", url, method, header, body, signal: body.signal }));
  } catch {
    // Connect answers what handlers throw. What comes here is the client's going, or an answer that can't be sent.
    stream.reset(ErrorCode.internalError);
  }
}

async function answer(stream: ServerStream, response: UniversalServerResponse): Promise<void> {
  const { status, header = new Headers(), body, trailer = new Headers() } = response;
  stream.respond(encodeHeaders([[":status", String(status)], ...header]), !body);
  if (!body) return;
  for await (const bytes of body) {
    stream.send(bytes);
    // A slow reader holds up its own stream and nothing else.
    await stream.whenSent();
    if (stream.isClosed) return;
  }
  stream.end(encodeHeaders(trailer));
}

function headersOf({ fields }: RequestHeaders): Headers {
  const headers = new Headers([...fields]);
  const timeoutMs = timeoutMsOf(headers.get("grpc-timeout") ?? "") ?? 0;
  // No timer waits as long; one that is asked to doesn't wait at all.
  if (timeoutMs > MOST_TIMEOUT_MS) headers.delete("grpc-timeout");
  return headers;
}
