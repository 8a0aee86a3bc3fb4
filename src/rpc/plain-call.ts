import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { Metadata, status } from "@grpc/grpc-js";
import { CallRequest, type ServerCall } from "./grpc-call.js";
import { type Refusal, refusalFor, said } from "./refusal.js";
import { RequestBody } from "./request-body.js";
import type { EncodedAnswer, UnaryRunner } from "./unary-runner.js";

const HEADERS = { ":status": 200, "content-type": "application/grpc+proto" };
/** gRPC has no use for the date that HTTP would like to be told. */
const NO_DATE = { sendDate: false };
const SUCCESS = { "grpc-status": status.OK };
const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
/** As long as a timer can wait, 24 days. */
const MOST_TIMEOUT_MS = 2 ** 31 - 1;

/** Of a call that is refused. */
const MOST_DROPPED_BYTES = 64 * 1_024;
const NOT_ONE_MESSAGE = said(status.UNIMPLEMENTED, "the method takes one message");
const COMPRESSED = said(status.INTERNAL, "the message is compressed, and grpc-encoding says that it isn't");

/** Whether a call is one that `PlainCall` can serve: nothing is compressed, and its deadline, if it has one, can be read. */
export function isPlain(headers: IncomingHttpHeaders): boolean {
  const { "content-type": type, "grpc-encoding": encoding = "identity", "grpc-timeout": timeout } = headers;
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    encoding === "identity" &&
    (timeout === undefined || TIMEOUT.test(timeout as string)) &&
    headers[":method"] === "POST"
  );
}

/** A unary gRPC call on its bare HTTP/2 stream. */
export class PlainCall implements ServerCall {
  /** Whether the caller has gone, or its deadline has passed, before there was an answer. */
  cancelled = false;
  private isAnswered = false;
  private readonly body = new RequestBody();
  private deadline: NodeJS.Timeout | undefined;

  constructor(
    private readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
  ) {
    // Whatever error there is, the stream is closed after it.
    stream.on("error", () => {});
    stream.once("close", () => this.end());
  }

  /** @param maxMessageBytes of a request: a longer one is refused before it is there */
  serve(method: DescMethod, run: UnaryRunner, maxMessageBytes: number): void {
    this.startDeadline();
    this.stream.on("data", (chunk: Buffer) => this.receive(chunk, maxMessageBytes));
    this.stream.once("end", () => this.run(method, run));
  }

  get metadata(): Metadata {
    return Metadata.fromHttp2Headers(this.headers);
  }

  getHost(): string {
    return this.headers[":authority"] ?? this.headers.host ?? "";
  }

  on(event: "cancelled", listener: () => void): void {
    this.stream.on(event, listener);
  }

  /**
   * Answers with a status alone. Nothing more is kept of the call, and a caller that goes on sending is told to stop: not at once, because nearly all have sent everything by then, and telling them costs as much as
   * refusing them.
   */
  refuse(refusal: Refusal): void {
    if (!this.endsNow()) return;
    this.stream.respond({ ...HEADERS, ...refusal }, { endStream: true, ...NO_DATE });
    let droppedBytes = 0;
    this.stream.on("data", ({ length }: Buffer) => {
      droppedBytes += length;
      if (droppedBytes > MOST_DROPPED_BYTES) this.stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  private receive(chunk: Buffer, maxMessageBytes: number): void {
    if (this.isAnswered) return;
    this.body.add(chunk);
    const { announcedBytes, isTooMuch } = this.body;
    if (announcedBytes > maxMessageBytes) {
      this.refuse(
        said(status.RESOURCE_EXHAUSTED, `a message of ${announcedBytes} bytes: ${maxMessageBytes} are taken`),
      );
    } else if (isTooMuch) {
      this.refuse(NOT_ONE_MESSAGE);
    }
  }

  private run(method: DescMethod, run: UnaryRunner): void {
    if (this.isAnswered) return;
    const { message, isCompressed } = this.body;
    if (!message || isCompressed) {
      this.refuse(message ? COMPRESSED : NOT_ONE_MESSAGE);
      return;
    }
    run(new CallRequest(method, this, false), message).then(
      (answer) => this.answer(answer),
      (error) => this.refuse(refusalFor(error)),
    );
  }

  private answer({ bytes, header, trailer }: EncodedAnswer): void {
    if (!this.endsNow()) return;
    const { stream } = this;
    stream.respond(header ? { ...HEADERS, ...Object.fromEntries(header) } : HEADERS, {
      waitForTrailers: true,
      ...NO_DATE,
    });
    stream.once("wantTrailers", () =>
      stream.sendTrailers(trailer ? { ...SUCCESS, ...Object.fromEntries(trailer) } : SUCCESS),
    );
    stream.end(encodeEnvelope(0, bytes));
  }

  private startDeadline(): void {
    const timeout = TIMEOUT.exec(String(this.headers["grpc-timeout"]));
    if (!timeout) return;
    const timeoutMs = Number(timeout[1]) * (MS_OF_UNIT[timeout[2] as string] as number);
    this.deadline = setTimeout(
      () => {
        this.refuse(said(status.DEADLINE_EXCEEDED, "Deadline exceeded"));
        this.cancel();
      },
      Math.min(timeoutMs, MOST_TIMEOUT_MS),
    );
  }

  /** @returns whether there is still somebody to answer, who then has been */
  private endsNow(): boolean {
    if (this.isAnswered || this.stream.destroyed || this.stream.closed) return false;
    this.isAnswered = true;
    clearTimeout(this.deadline);
    return true;
  }

  private cancel(): void {
    this.cancelled = true;
    this.stream.emit("cancelled");
  }

  /** The stream has closed. */
  private end(): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    clearTimeout(this.deadline);
    this.cancel();
  }
}
