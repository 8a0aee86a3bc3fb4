import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByStreamId } from "../http2/by-stream-id.js";
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  type Frame,
  FrameReader,
  FrameType,
  FrameWriter,
  MOST_PAYLOAD_BYTES,
  MOST_WINDOW_BYTES,
  PREFACE,
  Setting,
  settingsIn,
} from "../http2/frames.js";
import { RequestHeaders, Statuses } from "./http2/header-blocks.js";

const PREFIX_BYTES = 5;
const SETTINGS_WAIT_MS = 10_000;

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

/** What all calls of a connection have in common. */
export interface Calls {
  /** "127.0.0.1:50051" */
  readonly target: string;
  /** "/package.Service/Method" */
  readonly path: string;
  /** Told to the service, and when a call is cancelled if it hasn't ended. Default: none */
  readonly deadlineMs?: number;
  /** Whether answers are handed on. */
  readonly keepsMessages: boolean;
}

interface Call {
  readonly frame: Uint8Array;
  readonly resolve: (answer: Answer) => void;
  readonly chunks: Buffer[];
  /** Whether the service has refused it unread once. */
  wasRefused: boolean;
  timer: NodeJS.Timeout | undefined;
  /** 0 until it has begun. */
  streamId: number;
  sentBytes: number;
  /** Bytes that the service takes of this call for now. */
  windowBytes: number;
  hasEnded: boolean;
}

/**
 * Unary gRPC calls of one method over a connection of their own, on frames that are written and read right here: Node's http2 costs a client more than the service spends on a debit, and a load
 * generator is to measure the service and not itself (docs/decisions/0028).
 */
export class GrpcConnection {
  private readonly reader = new FrameReader();
  private readonly writer = new FrameWriter();
  private readonly statuses = new Statuses();
  private readonly headers: RequestHeaders;
  /** Begun and not ended, by stream. */
  private readonly calls = new ByStreamId<Call>();
  /** Not begun, or not sent whole, in their order. */
  private unsent: Call[] = [];
  private nextStreamId = 1;
  private windowBytes = DEFAULT_WINDOW_BYTES;
  private initialWindowBytes = DEFAULT_WINDOW_BYTES;
  private mostStreams = Number.POSITIVE_INFINITY;
  private receivedBytes = 0;
  private isClosed = false;
  private isFlushing = false;
  private hasSettings: (() => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly common: Calls,
  ) {
    this.headers = new RequestHeaders(common.target, common.path, common.deadlineMs);
    socket.on("data", (chunk) => this.receive(chunk));
    // A broken connection shows as calls without a status.
    socket.on("error", () => {});
    socket.on("close", () => this.turnAway(0));
  }

  /**
   * Connects and waits for what the service says about its limits.
   * @throws Error if the service can't be reached or isn't one of HTTP/2
   */
  static async open(common: Calls): Promise<GrpcConnection> {
    const [host, port] = common.target.split(":");
    const socket = connect({ host, port: Number(port), noDelay: true });
    await once(socket, "connect");
    const connection = new GrpcConnection(socket, common);
    await connection.greet();
    return connection;
  }

  /**
   * Makes a call. Never rejects.
   * @param frame the message with its gRPC prefix
   */
  call(frame: Uint8Array): Promise<Answer> {
    if (this.isClosed) return Promise.resolve(noAnswer());
    return new Promise((resolve) => {
      const call: Call = {
        frame,
        resolve,
        chunks: [],
        wasRefused: false,
        timer: undefined,
        streamId: 0,
        sentBytes: 0,
        windowBytes: 0,
        hasEnded: false,
      };
      const { deadlineMs } = this.common;
      if (deadlineMs !== undefined) call.timer = setTimeout(() => this.giveUp(call), deadlineMs);
      this.unsent.push(call);
      this.flushSoon();
    });
  }

  /** Cuts the connection; calls in flight end without a status. */
  destroy(): void {
    this.socket.destroy();
    this.turnAway(0);
  }

  private async greet(): Promise<void> {
    this.socket.write(PREFACE);
    this.writer.settings({
      // So that a block of headers means the same whenever it comes.
      [Setting.headerTableSize]: 0,
      [Setting.enablePush]: 0,
      [Setting.initialWindowSize]: MOST_WINDOW_BYTES,
    });
    this.writer.number(FrameType.windowUpdate, 0, MOST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES);
    this.flush();
    const settings = new Promise<void>((resolve) => {
      this.hasSettings = resolve;
    });
    const signal = AbortSignal.timeout(SETTINGS_WAIT_MS);
    const closed = once(this.socket, "close", { signal }).then(() => {
      throw new Error(`${this.common.target} ended the connection before it began`);
    });
    await Promise.race([settings, closed]);
    closed.catch(() => {});
  }

  private receive(chunk: Buffer): void {
    try {
      this.reader.read(chunk, (frame) => this.take(frame));
    } catch {
      this.destroy();
    }
  }

  private take(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    if (type === FrameType.data) this.takeData(streamId, payload);
    else if (type === FrameType.headers) this.takeHeaders(frame);
    else if (type === FrameType.resetStream) this.takeReset(this.calls.get(streamId), payload.readUInt32BE());
    else if (type === FrameType.windowUpdate) this.widen(streamId, payload.readUInt32BE());
    else if (type === FrameType.goAway) this.turnAway(payload.readUInt32BE());
    else if (type === FrameType.continuation) throw new Error("headers in more than one frame");
    else if (type === FrameType.settings && !(flags & Flag.acknowledges)) this.takeSettings(frame);
    else if (type === FrameType.ping && !(flags & Flag.acknowledges)) {
      this.writer.frame(FrameType.ping, Flag.acknowledges, 0, payload);
      this.flushSoon();
    }
  }

  private takeHeaders({ flags, streamId, payload }: Frame): void {
    if (!(flags & Flag.endsStream)) return;
    const error = this.statuses.errorIn(payload);
    const call = this.calls.get(streamId);
    const message = call && call.chunks.length > 0 ? Buffer.concat(call.chunks).subarray(PREFIX_BYTES) : undefined;
    this.end(call, { error, at: performance.now(), message });
  }

  private takeData(streamId: number, payload: Buffer): void {
    if (this.common.keepsMessages) this.calls.get(streamId)?.chunks.push(Buffer.from(payload));
    this.receivedBytes += payload.length;
    if (this.receivedBytes < MOST_WINDOW_BYTES / 2) return;
    this.writer.number(FrameType.windowUpdate, 0, this.receivedBytes);
    this.receivedBytes = 0;
    this.flushSoon();
  }

  /** One that was refused unread is sent once more, as gRPC's clients do: it crossed the news that fewer are taken. */
  private takeReset(call: Call | undefined, code: number): void {
    if (!call || code !== ErrorCode.refusedStream || call.wasRefused || this.isClosed) {
      this.end(call, noAnswer());
      return;
    }
    this.calls.delete(call.streamId);
    Object.assign(call, { wasRefused: true, streamId: 0, sentBytes: 0 });
    if (!this.unsent.includes(call)) this.unsent.unshift(call);
    this.flushSoon();
  }

  private takeSettings(frame: Frame): void {
    const settings = new Map(settingsIn(frame));
    this.mostStreams = settings.get(Setting.maxConcurrentStreams) ?? this.mostStreams;
    const initialBytes = settings.get(Setting.initialWindowSize) ?? this.initialWindowBytes;
    for (const call of this.calls.values()) call.windowBytes += initialBytes - this.initialWindowBytes;
    this.initialWindowBytes = initialBytes;
    this.writer.frame(FrameType.settings, Flag.acknowledges, 0, new Uint8Array());
    this.flushSoon();
    this.hasSettings?.();
  }

  private widen(streamId: number, bytes: number): void {
    const call = this.calls.get(streamId);
    if (streamId === 0) this.windowBytes += bytes;
    else if (call) call.windowBytes += bytes;
    if (this.unsent.length > 0) this.flushSoon();
  }

  /** The service takes no calls beyond a stream, 0 for none at all; those end without a status, as do all later ones. */
  private turnAway(lastStreamId: number): void {
    this.isClosed = true;
    for (const call of this.unsent) if (call.streamId === 0) this.end(call, noAnswer());
    for (const call of this.calls.values()) if (call.streamId > lastStreamId) this.end(call, noAnswer());
  }

  private giveUp(call: Call): void {
    if (call.streamId !== 0) {
      this.writer.number(FrameType.resetStream, call.streamId, ErrorCode.cancel);
      this.flushSoon();
    }
    this.end(call, { ...noAnswer(), isLate: true });
  }

  private end(call: Call | undefined, answer: Answer): void {
    if (!call || call.hasEnded) return;
    call.hasEnded = true;
    clearTimeout(call.timer);
    this.calls.delete(call.streamId);
    if (this.unsent.length > 0) this.flushSoon();
    call.resolve(answer);
  }

  /** At the end of this turn of the event loop, with all that is written until then. */
  private flushSoon(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    setImmediate(() => {
      this.isFlushing = false;
      this.flush();
    });
  }

  private flush(): void {
    const stuck = this.unsent.findIndex((call) => !this.send(call));
    this.unsent = stuck < 0 ? [] : this.unsent.slice(stuck);
    const bytes = this.writer.take();
    if (bytes && !this.socket.destroyed) this.socket.write(bytes);
  }

  /** Sends as much of a call as the service takes now; whether that was all. */
  private send(call: Call): boolean {
    if (call.hasEnded) return true;
    if (call.streamId === 0) {
      if (this.calls.size >= this.mostStreams) return false;
      this.begin(call);
    }
    while (call.sentBytes < call.frame.length) {
      const left = call.frame.length - call.sentBytes;
      const bytes = Math.min(left, MOST_PAYLOAD_BYTES, this.windowBytes, call.windowBytes);
      if (bytes <= 0) return false;
      const flags = bytes === left ? Flag.endsStream : 0;
      const payload = call.frame.subarray(call.sentBytes, call.sentBytes + bytes);
      this.writer.frame(FrameType.data, flags, call.streamId, payload);
      call.sentBytes += bytes;
      call.windowBytes -= bytes;
      this.windowBytes -= bytes;
    }
    return true;
  }

  private begin(call: Call): void {
    const block = this.nextStreamId === 1 ? this.headers.first : this.headers.further;
    call.streamId = this.nextStreamId;
    call.windowBytes = this.initialWindowBytes;
    this.nextStreamId += 2;
    this.calls.add(call.streamId, call);
    this.writer.frame(FrameType.headers, Flag.endsHeaders, call.streamId, block);
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
