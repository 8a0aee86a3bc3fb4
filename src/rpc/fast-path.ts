import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { TollgateError } from "../domain/errors.js";
import { pathOf } from "./grpc-call.js";
import type { OverloadGate } from "./overload-gate.js";
import { isPlain, PlainCall } from "./plain-call.js";
import { refusalFor } from "./refusal.js";
import type { ServedMethod } from "./unary-runner.js";

export interface FastPathOptions {
  readonly methods: readonly ServedMethod[];
  /** Asked about each call of the methods, before anything is done for it. */
  readonly gate?: OverloadGate | undefined;
  /** Bytes of a request's message. */
  readonly maxMessageBytes: number;
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...more: unknown[]) => void;

/**
 * Serves plain unary calls on the streams of grpc-js's own connections, before grpc-js makes anything of them: nearly all calls are plain, and are served for a fifth less (docs/decisions/0031).
 * What is anything else goes on to grpc-js: streams, compressed messages, unknown methods, headers that it has to refuse.
 */
export function takePlainCalls(http2Server: Http2Server, { methods, gate, maxMessageBytes }: FastPathOptions): void {
  const byPath = new Map(methods.map((each) => [pathOf(each.method), each]));
  // Made once: it says the same each time.
  const overloaded = refusalFor(TollgateError.of("OVERLOADED", {}));
  const theirs = http2Server.listeners("stream") as OnStream[];
  const onStream: OnStream = (stream, headers, ...more) => {
    const { method, run } = byPath.get(headers[":path"] as string) ?? {};
    if (method && gate?.refuses(method)) {
      new PlainCall(stream, headers).refuse(overloaded);
    } else if (method && run && isPlain(headers)) {
      new PlainCall(stream, headers).serve(method, run, maxMessageBytes);
    } else {
      for (const listener of theirs) listener.call(http2Server, stream, headers, ...more);
    }
  };
  http2Server.removeAllListeners("stream").on("stream", onStream);
}
