import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { TollgateError } from "../domain/errors.js";
import { encodeHeaders } from "../http2/hpack/encode-headers.js";
import type { RequestHeaders } from "../http2/request-headers.js";
import type { ServerStream, StreamUser } from "../http2/server-stream.js";
import { CallRequest, type ServerCall } from "./grpc-call.js";
import { MOST_TIMEOUT_MS, timeoutMsOf } from "./grpc-timeout.js";
import type { OverloadGate } from "./overload-gate.js";
import { type Refusal, refusalFor, said } from "./refusal.js";
import { RequestBody } from "./request-body.js";
import type { EncodedAnswer, UnaryRunner } from "./unary-runner.js";

const HEADERS = [
  [":status", "200"],
  ["content-type", "application/grpc+proto"],
] as const;
const SUCCESS = [["grpc-status", "0"]] as const;
/** What nearly all answers begin and end with. */
const USUAL_HEAD = encodeHeaders(HEADERS);
const USUAL_END = encodeHeaders(SUCCESS);

const NOT_ONE_MESSAGE = refusalBlock(said(Code.Unimplemented, "the method takes one message"));
const COMPRESSED = refusalBlock(said(Code.Internal, "the message is compressed, and grpc-encoding says that it isn't"));
/** Made once: it says the same each time. */
export const OVERLOADED = refusalBlock(refusalFor(TollgateError.of("OVERLOADED", {})));
const TOO_LATE = refusalBlock(said(Code.DeadlineExceeded, "Deadline exceeded"));

/** Whether a call is one that `PlainCall` can serve: nothing is compressed, and its deadline, if it has one, can be read. */
export function isPlain({ method, fields }: RequestHeaders): boolean {
  const type = fields.get("content-type");
  const encoding = fields.get("grpc-encoding");
  const timeout = fields.get("grpc-timeout");
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    (encoding === undefined || encoding === "identity") &&
    (timeout === undefined || timeoutMsOf(timeout) !== undefined) &&
    method === "POST"
  );
}

/** A refusal as it goes over the wire: headers, and nothing after them. */
export function refusalBlock(refusal: Refusal): Buffer {
  return encodeHeaders([...HEADERS, ...Object.entries(refusal)]);
}

/** A unary gRPC call on its HTTP/2 stream (docs/decisions/0036). */
export class PlainCall implements ServerCall, StreamUser {
  /** Whether the caller has gone, or its deadline has passed, before there was an answer. */
  cancelled = false;
  private isAnswered = false;
  private readonly body = new RequestBody();
  private deadline: NodeJS.Timeout | undefined;
  /** Nearly nobody asks. */
  private onCancelled: (() => void)[] | undefined;

  private constructor(
    private readonly stream: ServerStream,
    private readonly method: DescMethod,
    private readonly runner: UnaryRunner,
    private readonly maxMessageBytes: number,
    private readonly gate: OverloadGate | undefined,
  ) {
    stream.expectsAll = true;
    stream.serve(this);
  }

  /**
   * @param maxMessageBytes of the request: a longer one is refused before it is there
   * @param gate which the call has passed at its headers; undefined if there is none
   */
  static serve(
    stream: ServerStream,
    method: DescMethod,
    runner: UnaryRunner,
    maxMessageBytes: number,
    gate: OverloadGate | undefined,
  ): void {
    new PlainCall(stream, method, runner, maxMessageBytes, gate).startDeadline();
  }

  get headers(): RequestHeaders {
    return this.stream.headers;
  }

  onceCancelled(listener: () => void): void {
    this.onCancelled ??= [];
    this.onCancelled.push(listener);
  }

  received(chunk: Buffer): void {
    this.body.add(chunk);
    const { announcedBytes, isTooMuch } = this.body;
    if (announcedBytes > this.maxMessageBytes) {
      const what = `a message of ${announcedBytes} bytes: ${this.maxMessageBytes} are taken`;
      this.refuse(refusalBlock(said(Code.ResourceExhausted, what)));
    } else if (isTooMuch) {
      this.refuse(NOT_ONE_MESSAGE);
    }
  }

  receivedAll(): void {
    const { message, isCompressed } = this.body;
    if (!message || isCompressed) {
      this.refuse(message ? COMPRESSED : NOT_ONE_MESSAGE);
      return;
    }
    if (this.gate) this.enter(this.gate, message);
    else this.run(message);
  }

  closed(): void {
    if (this.endsNow()) this.cancel();
  }

  private enter(gate: OverloadGate, message: Buffer): void {
    let kept: Buffer | undefined = message;
    const begin = (): void => {
      if (kept) this.run(kept);
      kept = undefined;
    };
    if (!gate.enter(this.method, begin)) this.refuse(OVERLOADED);
    else if (kept) {
      // One that waits holds its own bytes, not all that came from the socket with them.
      kept = Buffer.from(message);
      this.body.empty();
    }
  }

  private run(message: Buffer): void {
    if (this.isAnswered) return;
    const request = new CallRequest(this.method, this);
    request.hasPlace = this.gate !== undefined;
    this.runner(request, message).then(
      (answer) => this.answer(answer),
      (error) => this.refuse(refusalBlock(refusalFor(error))),
    );
  }

  private answer({ envelope, header, trailer }: EncodedAnswer): void {
    if (!this.endsNow()) return;
    this.stream.respond(header ? encodeHeaders([...HEADERS, ...header]) : USUAL_HEAD, false);
    this.stream.send(envelope);
    this.stream.end(trailer ? encodeHeaders([...SUCCESS, ...trailer]) : USUAL_END);
  }

  private refuse(block: Buffer): void {
    if (this.endsNow()) this.stream.respond(block, true);
  }

  private startDeadline(): void {
    const timeout = this.headers.fields.get("grpc-timeout");
    const timeoutMs = timeout === undefined ? undefined : timeoutMsOf(timeout);
    if (timeoutMs === undefined) return;
    this.deadline = setTimeout(
      () => {
        this.refuse(TOO_LATE);
        this.cancel();
      },
      Math.min(timeoutMs, MOST_TIMEOUT_MS),
    );
  }

  /** @returns whether there is still somebody to answer, who then has been */
  private endsNow(): boolean {
    if (this.isAnswered) return false;
    this.isAnswered = true;
    clearTimeout(this.deadline);
    return true;
  }

  private cancel(): void {
    this.cancelled = true;
    for (const listener of this.onCancelled ?? []) listener();
  }
}
