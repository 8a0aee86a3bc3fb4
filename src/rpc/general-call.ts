import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { ErrorCode } from "../http2/frames.js";
import { encodeHeaders } from "../http2/hpack/encode-headers.js";
import type { RequestHeaders } from "../http2/request-headers.js";
import type { ServerStream, StreamUser } from "../http2/server-stream.js";

/** Longer than a timer can wait: no deadline at all. */
const LONG_TIMEOUT = /^\d{5,8}H$|^\d{7,8}M$|^\d{8}S$/;

/** Serves a call that isn't plain, a stream or compressed, by Connect's handler for gRPC. */
export async function serveGenerally(stream: ServerStream, handler: UniversalHandler): Promise<void> {
  const body = new StreamBody(stream);
  stream.serve(body);
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
  if (LONG_TIMEOUT.test(headers.get("grpc-timeout") ?? "")) headers.delete("grpc-timeout");
  return headers;
}

/** The body of a request as it comes in. What nobody has read yet holds the client up. */
class StreamBody implements StreamUser, AsyncIterable<Uint8Array> {
  private readonly chunks: Buffer[] = [];
  private readonly controller = new AbortController();
  private isWhole = false;
  private wake = (): void => {};

  constructor(private readonly stream: ServerStream) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  received(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.wake();
  }

  receivedAll(): void {
    this.isWhole = true;
    this.wake();
  }

  closed(): void {
    this.controller.abort(new ConnectError("the caller has gone", Code.Canceled));
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk) {
        this.stream.taken(chunk.length);
        yield chunk;
      } else if (this.isWhole) {
        return;
      } else {
        this.signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}
