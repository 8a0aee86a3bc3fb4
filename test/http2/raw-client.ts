import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  type ErrorCode,
  type Frame,
  FrameReader,
  FrameType,
  FrameWriter,
  MOST_STREAM_ID,
  PREFACE,
} from "../../src/http2/frames.js";
import { encodeHeaders } from "../../src/http2/hpack/encode-headers.js";
import { HeaderDecoder, type HeaderField } from "../../src/http2/hpack/header-decoder.js";

/** What a request begins with in these tests. */
export const REQUEST: readonly HeaderField[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/echo"],
  [":authority", "test"],
  ["te", "trailers"],
];

export interface GoAway {
  readonly lastStreamId: number;
  readonly code: ErrorCode;
  readonly reason: string;
}

/** A client that sends whatever frames it is told to, and keeps those that come until somebody asks for them. */
export class RawClient {
  /** Those that nobody has asked for yet. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<unknown>;
  private readonly reader = new FrameReader();
  private readonly decoder = new HeaderDecoder(2 ** 20, (fields) => new Map(fields));
  private pings = 0;
  private waiting: (() => void)[] = [];
  private isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.take(chunk));
    this.closed = new Promise<void>((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        this.wake();
        resolve();
      });
    });
  }

  /** Says nothing yet. */
  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** With the preface and first settings. */
  static async open(port: number, settings: Readonly<Record<number, number>> = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(PREFACE);
    client.send((writer) => writer.settings(settings));
    return client;
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  send(write: (writer: FrameWriter) => void): void {
    this.write(framesOf(write));
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ""): void {
    this.send((writer) => writer.frame(type, flags, streamId, Buffer.from(payload as string)));
  }

  /** The whole of a request, or only its head if there is no body. */
  request(streamId: number, path: string, body?: Uint8Array | string): void {
    this.send((writer) => {
      writer.headers(streamId, requestTo(path), false);
      if (body !== undefined) writer.frame(FrameType.data, 1, streamId, Buffer.from(body as string));
    });
  }

  /** Lets a stream, or for 0 the connection, send so much more. */
  widen(streamId: number, bytes: number): void {
    this.send((writer) => writer.number(FrameType.windowUpdate, streamId, bytes));
  }

  reset(streamId: number, code: ErrorCode): void {
    this.send((writer) => writer.number(FrameType.resetStream, streamId, code));
  }

  /** The next frame that is as wanted. @throws if the connection ends without one */
  async next(isWanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const at = this.frames.findIndex(isWanted);
      if (at >= 0) return this.frames.splice(at, 1)[0] as Frame;
      if (this.isClosed) throw new Error(`the connection has ended: ${isWanted}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  nextOf(type: number, streamId: number): Promise<Frame> {
    return this.next((frame) => frame.type === type && frame.streamId === streamId);
  }

  async nextReset(streamId: number): Promise<ErrorCode> {
    const { payload } = await this.nextOf(FrameType.resetStream, streamId);
    return payload.readUInt32BE() as ErrorCode;
  }

  async nextGoAway(): Promise<GoAway> {
    const { payload } = await this.nextOf(FrameType.goAway, 0);
    return {
      lastStreamId: payload.readUInt32BE() & MOST_STREAM_ID,
      code: payload.readUInt32BE(4) as ErrorCode,
      reason: payload.toString("utf8", 8),
    };
  }

  async nextHeaders(streamId: number): Promise<ReadonlyMap<string, string>> {
    return this.decoder.decode((await this.nextOf(FrameType.headers, streamId)).payload);
  }

  /** So many bytes of an answer, and nothing that comes after them. */
  async nextData(streamId: number, bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let received = 0;
    while (received < bytes) {
      const { payload } = await this.nextOf(FrameType.data, streamId);
      chunks.push(payload);
      received += payload.length;
    }
    return Buffer.concat(chunks);
  }

  /** The whole of an answer. */
  async answer(streamId: number): Promise<{ readonly body: string; readonly status: string | undefined }> {
    const chunks: Buffer[] = [];
    await this.nextHeaders(streamId);
    for (;;) {
      const frame = await this.next((each) => each.streamId === streamId);
      if (frame.type === FrameType.data) chunks.push(frame.payload);
      if (frame.type === FrameType.resetStream) throw new Error(`stream ${streamId} was reset`);
      if (frame.type !== FrameType.headers) continue;
      const status = this.decoder.decode(frame.payload).get("grpc-status");
      return { body: Buffer.concat(chunks).toString(), status };
    }
  }

  /** When the server has read all that was sent, and what it said to it is here. */
  async settled(): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(++this.pings);
    this.frame(FrameType.ping, 0, 0, payload);
    await this.next((frame) => frame.type === FrameType.ping && frame.flags === 1 && frame.payload.equals(payload));
  }

  /** Answers the next ping. */
  async acknowledgePing(): Promise<void> {
    const { payload } = await this.next(({ type, flags }) => type === FrameType.ping && flags === 0);
    this.frame(FrameType.ping, 1, 0, payload);
  }

  private take(chunk: Buffer): void {
    this.reader.read(chunk, (frame) => this.frames.push({ ...frame, payload: Buffer.from(frame.payload) }));
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

export function framesOf(write: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter();
  write(writer);
  return writer.take() ?? Buffer.alloc(0);
}

/** The headers of a request. */
export function requestTo(path: string, more: readonly HeaderField[] = []): Buffer {
  return encodeHeaders([...REQUEST.map(([name, value]) => [name, name === ":path" ? path : value] as const), ...more]);
}
