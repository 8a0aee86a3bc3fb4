import type { Socket } from "node:net";
import { ByStreamId } from "./by-stream-id.js";
import {
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  type Frame,
  FrameReader,
  FrameType,
  FrameWriter,
  MOST_STREAM_ID,
  MOST_WINDOW_BYTES,
  PREFACE,
  Setting,
} from "./frames.js";
import { HeaderBlocks } from "./header-blocks.js";
import { HeaderDecoder } from "./hpack/header-decoder.js";
import { IdleFrames } from "./idle-frames.js";
import type { Limits } from "./limits.js";
import { peerSettingsIn } from "./peer-settings.js";
import { type RequestHeaders, requestHeadersOf, type Unusable } from "./request-headers.js";
import { ServerStream, type StreamConnection } from "./server-stream.js";
import { ofNoStream, ofTooLargeWindow, ofWrongSize, unpadded, wrong } from "./violations.js";

/** Of the connection: far more than is on the way at once, so that only a stream's own window holds its client up. */
const WINDOW_BYTES = 16 * 1_024 * 1_024;
/** What waits to be written before no more is read: a client that doesn't read what it is answered isn't heard, either. */
const MOST_UNWRITTEN_BYTES = 1_024 * 1_024;
/** After the news that no more calls are taken, those that have crossed it still are, until the client must have heard it. */
const LAST_CALLS_MS = 1_000;
/** How long an answer that is given at the headers may wait for others to leave with: it tells of a crowd, in which a write for each of them would take more than the answers themselves (docs/decisions/0042). */
const ANSWERS_AT_ONCE_MS = 10;
const PING = Buffer.from("tollgate");

/** Serves a request on its stream. To call `serve` of that, or to answer, before it returns; it may not throw. */
export type StreamHandler = (stream: ServerStream) => void;

/**
 * Decides at its headers what becomes of a request that can be read and is within the limits. May not throw.
 * @returns who serves it; or all of its answer, as `encodeHeaders` makes it: then it gets no stream, and what else comes of it is left unread, which costs least
 */
export type RequestHandler = (headers: RequestHeaders) => StreamHandler | Uint8Array;

/*
 * One client's connection (RFC 9113). States:
 *
 *   greeting ──preface, settings──▶ open ──drain()──▶ last calls ──the client has heard──▶ draining ──last stream ends──▶ closed
 *
 * An error of the client's that concerns one stream resets it; one that concerns the connection ends it with a GOAWAY that says why. Whatever a client can make the service keep or do has a bound: limits.ts.
 */
export class ServerConnection implements StreamConnection {
  readonly writer = new FrameWriter();
  sendWindowBytes = DEFAULT_WINDOW_BYTES;
  heldBytes = 0;
  unsentBytes = 0;

  private readonly reader = new FrameReader();
  private readonly decoder: HeaderDecoder<RequestHeaders | Unusable>;
  private readonly blocks: HeaderBlocks;
  private readonly idleFrames: IdleFrames;
  private readonly streams = new ByStreamId<ServerStream>();
  /** Those with something that the connection has no room for yet, in the order in which they have waited. */
  private readonly waiting = new Set<ServerStream>();
  /** Those whose answer is complete before their request is: clients are told to stop if they haven't when it leaves. */
  private readonly toStop = new Set<number>();
  private state: "greeting" | "open" | "last calls" | "draining" | "closed" = "greeting";
  private preface: Buffer | undefined = Buffer.alloc(0);
  /** Of all that the client has begun, and of those that aren't left to another connection. */
  private lastStreamId = 0;
  private lastServedId = 0;
  private peerInitialWindowBytes = DEFAULT_WINDOW_BYTES;
  private receiveWindowBytes = DEFAULT_WINDOW_BYTES;
  private isFlushing = false;
  /** Whether answers given at the headers wait for others to leave with. */
  private isGathering = false;
  private readonly beganAt = performance.now();
  private heardAt = this.beganAt;
  private pingedAt: number | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly limits: Limits,
    /** Shared by all connections of a server. */
    private readonly load: { streams: number },
    private readonly onRequest: RequestHandler,
    private readonly onClosed: (connection: ServerConnection) => void,
  ) {
    this.decoder = new HeaderDecoder(limits.mostHeaderBytes, requestHeadersOf);
    this.blocks = new HeaderBlocks(limits.mostHeaderBytes);
    this.idleFrames = new IdleFrames(limits.mostIdleFrames, limits.idleFramesPerSecond);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.receive(chunk));
    socket.on("drain", () => {
      socket.resume();
      this.pumpWaiting();
    });
    // Whatever error there is, the socket closes after it.
    socket.on("error", () => {});
    socket.once("close", () => this.closed());
    this.greet();
  }

  get isFull(): boolean {
    return this.writer.gatheredBytes + this.socket.writableLength > MOST_UNWRITTEN_BYTES;
  }

  /** Takes no more calls, and ends with the last one. */
  drain(): void {
    if (this.state !== "open") {
      if (this.state === "greeting") this.socket.destroy();
      return;
    }
    this.state = "last calls";
    this.writer.goAway(MOST_STREAM_ID, ErrorCode.noError, "");
    this.ping();
    // Should the client not answer the ping.
    setTimeout(() => this.endLastCalls(), LAST_CALLS_MS).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Looks for what has taken too long. To be called every few seconds. @param now performance.now() */
  sweep(now: number): void {
    const { patienceMs, keepaliveMs, keepaliveTimeoutMs } = this.limits;
    if (this.state === "greeting") {
      if (now - this.beganAt > patienceMs) this.socket.destroy();
      return;
    }
    for (const stream of this.streams.values()) {
      const isStuck = (stream.expectsAll && !stream.isRequestWhole) || stream.isHeldUp;
      if (isStuck && now - stream.movedAt > patienceMs) stream.reset(ErrorCode.cancel);
    }
    if (this.pingedAt !== undefined && now - this.pingedAt > keepaliveTimeoutMs) this.socket.destroy();
    else if (this.pingedAt === undefined && now - this.heardAt > keepaliveMs) this.ping();
  }

  flushSoon(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    setImmediate(() => this.flush());
  }

  setWaiting(stream: ServerStream, isWaiting: boolean): void {
    if (isWaiting) this.waiting.add(stream);
    else if (this.waiting.size > 0) this.waiting.delete(stream);
  }

  stopSoon({ id }: ServerStream): void {
    this.toStop.add(id);
  }

  forget({ id }: ServerStream): void {
    this.streams.delete(id);
    this.toStop.delete(id);
    this.load.streams--;
    if (this.state === "draining") this.flushSoon();
  }

  private greet(): void {
    const { mostStreams, mostHeaderBytes, streamWindowBytes } = this.limits;
    this.writer.settings({
      [Setting.maxConcurrentStreams]: mostStreams,
      [Setting.initialWindowSize]: streamWindowBytes,
      [Setting.maxHeaderListSize]: mostHeaderBytes,
    });
    this.widenReceiveWindow();
    this.flushSoon();
  }

  private receive(chunk: Buffer): void {
    // It is read all the same: else the client might never hear why.
    if (this.state === "closed") return;
    this.heardAt = performance.now();
    this.pingedAt = undefined;
    try {
      const bytes = this.preface ? this.afterPreface(chunk) : chunk;
      this.reader.read(bytes, (frame) => this.take(frame));
    } catch (error) {
      this.refuse(error);
    }
  }

  /** What comes after the preface, nothing until that is all there. */
  private afterPreface(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.preface as Buffer, chunk]);
    const length = Math.min(bytes.length, PREFACE.length);
    if (!bytes.subarray(0, length).equals(PREFACE.subarray(0, length))) {
      throw wrong("this port speaks gRPC over HTTP/2");
    }
    this.preface = length < PREFACE.length ? bytes : undefined;
    return this.preface ? Buffer.alloc(0) : bytes.subarray(PREFACE.length);
  }

  private take(frame: Frame): void {
    if (this.state === "closed") return;
    if (this.state === "greeting") this.takeFirst(frame);
    if (this.blocks.isOpen && frame.type !== FrameType.continuation) {
      throw wrong("a frame in the middle of headers");
    }
    const { type } = frame;
    if (type === FrameType.headers || type === FrameType.continuation) this.takeHeaders(frame);
    else if (type === FrameType.data) this.takeData(frame);
    else if (type === FrameType.windowUpdate) this.takeWindow(frame);
    else if (type === FrameType.resetStream) this.takeReset(frame);
    else if (type === FrameType.settings) this.takeSettings(frame);
    else if (type === FrameType.ping) this.takePing(frame);
    else if (type === FrameType.pushPromise) throw wrong("clients push nothing");
    // GOAWAY: the client ends the connection when its calls are answered. PRIORITY, and what there will be one day: nothing to do.
    else this.idleFrames.count();
  }

  private takeFirst({ type, flags }: Frame): void {
    if (type !== FrameType.settings || flags & Flag.acknowledges) {
      throw wrong("the first frame is to be SETTINGS");
    }
    this.state = "open";
  }

  private takeHeaders(frame: Frame): void {
    const block = this.blocks.add(frame);
    if (!block) return;
    if (block.streamId % 2 === 0) throw wrong("a client's streams have odd numbers");
    // Also if nothing comes of it: later headers may build on these.
    const headers = this.decoder.decode(block.bytes);
    const stream = this.streams.get(block.streamId);
    if (stream) this.takeTrailers(stream, block.endsStream);
    else if (this.toStop.has(block.streamId)) this.leaveUnread(block.streamId, block.endsStream);
    else if (block.streamId <= this.lastStreamId) this.idleFrames.count();
    else this.begin(block.streamId, headers, block.endsStream);
  }

  private takeTrailers(stream: ServerStream, endsStream: boolean): void {
    if (stream.isRequestWhole) this.resetFor(stream.id, ErrorCode.streamClosed);
    else if (endsStream) stream.receiveEnd();
    else this.resetFor(stream.id, ErrorCode.protocolError);
  }

  private begin(streamId: number, headers: RequestHeaders | Unusable, endsStream: boolean): void {
    this.lastStreamId = streamId;
    // The client has been told that it isn't served, but perhaps not heard it: what else comes of it is no error.
    if (this.state === "draining") return;
    this.lastServedId = streamId;
    if (typeof headers === "string") {
      this.resetFor(streamId, headers === "malformed" ? ErrorCode.protocolError : ErrorCode.enhanceYourCalm);
      return;
    }
    const { mostStreams, mostStreamsInAll, mostUnsentBytes, streamWindowBytes } = this.limits;
    if (this.load.streams >= mostStreamsInAll) {
      // Which is no fault of this client's.
      this.writer.number(FrameType.resetStream, streamId, ErrorCode.refusedStream);
      this.flushSoon();
      return;
    }
    const isTooMany = this.streams.size + this.toStop.size >= mostStreams;
    if (isTooMany || this.unsentBytes > mostUnsentBytes || this.isFull) {
      this.resetFor(streamId, ErrorCode.refusedStream);
      return;
    }
    const decided = this.onRequest(headers);
    if (typeof decided !== "function") {
      this.answerAtOnce(streamId, decided, endsStream);
      return;
    }
    const stream = new ServerStream(this, streamId, headers, streamWindowBytes, this.peerInitialWindowBytes);
    stream.movedAt = this.heardAt;
    this.streams.add(streamId, stream);
    this.load.streams++;
    decided(stream);
    if (endsStream && !stream.isClosed) stream.receiveEnd();
  }

  private answerAtOnce(streamId: number, answer: Uint8Array, endsStream: boolean): void {
    this.writer.headers(streamId, answer, true);
    if (!endsStream) this.toStop.add(streamId);
    this.flushLater();
  }

  /** With whatever is sent before, or else a little later. */
  private flushLater(): void {
    if (this.isFlushing || this.isGathering) return;
    this.isGathering = true;
    setTimeout(() => {
      this.isGathering = false;
      if (!this.isFlushing) this.flush();
    }, ANSWERS_AT_ONCE_MS);
  }

  private takeData(frame: Frame): void {
    const { streamId, flags, payload } = frame;
    if (streamId === 0 || streamId > this.lastStreamId) throw ofNoStream();
    this.receiveWindowBytes -= payload.length;
    if (this.receiveWindowBytes < 0) throw new ConnectionError(ErrorCode.flowControlError, "more than the window");
    if (this.receiveWindowBytes < WINDOW_BYTES / 2) this.widenReceiveWindow();
    const endsStream = (flags & Flag.endsStream) !== 0;
    const bytes = unpadded(frame);
    if (bytes.length === 0 && !endsStream) this.idleFrames.count();
    const stream = this.streams.get(streamId);
    if (!stream) this.leaveUnread(streamId, endsStream);
    else if (stream.isRequestWhole) this.resetFor(streamId, ErrorCode.streamClosed);
    else if (!stream.hasRoomFor(payload.length)) this.resetFor(streamId, ErrorCode.flowControlError);
    else if (this.heldBytes + bytes.length > this.limits.mostHeldBytes) {
      this.resetFor(streamId, ErrorCode.enhanceYourCalm);
    } else {
      stream.movedAt = this.heardAt;
      if (bytes.length < payload.length && !endsStream) stream.receivePadding(payload.length - bytes.length);
      if (bytes.length > 0) stream.receive(bytes);
      if (endsStream && !stream.isClosed) stream.receiveEnd();
    }
  }

  /** More of a request that was refused, or is over. */
  private leaveUnread(streamId: number, endsStream: boolean): void {
    if (endsStream) this.toStop.delete(streamId);
  }

  private takeReset({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw ofWrongSize();
    if (streamId === 0 || streamId > this.lastStreamId) throw ofNoStream();
    this.idleFrames.count();
    this.toStop.delete(streamId);
    this.streams.get(streamId)?.close();
  }

  private takeSettings(frame: Frame): void {
    if (frame.streamId !== 0) throw wrong("settings of a stream");
    if (frame.flags & Flag.acknowledges) {
      if (frame.payload.length > 0) throw ofWrongSize();
      return;
    }
    this.idleFrames.count();
    const { initialWindowBytes, hasSmallTable } = peerSettingsIn(frame);
    if (hasSmallTable) this.writer.emptyTable();
    if (initialWindowBytes !== undefined) this.takeInitialWindow(initialWindowBytes);
    this.writer.frame(FrameType.settings, Flag.acknowledges, 0, new Uint8Array());
    this.flushSoon();
  }

  private takeInitialWindow(bytes: number): void {
    const more = bytes - this.peerInitialWindowBytes;
    if (more === 0) return;
    this.peerInitialWindowBytes = bytes;
    for (const stream of this.streams.values()) if (!stream.widen(more)) throw ofTooLargeWindow();
  }

  private takePing({ streamId, flags, payload }: Frame): void {
    if (streamId !== 0) throw wrong("a ping of a stream");
    if (payload.length !== PING.length) throw ofWrongSize();
    if (flags & Flag.acknowledges) {
      if (this.state === "last calls") this.endLastCalls();
      return;
    }
    this.idleFrames.count();
    this.writer.frame(FrameType.ping, Flag.acknowledges, 0, payload);
    this.flushSoon();
  }

  private takeWindow({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw ofWrongSize();
    if (streamId > this.lastStreamId) throw ofNoStream();
    const bytes = payload.readUInt32BE() & MOST_WINDOW_BYTES;
    if (streamId !== 0) {
      const stream = this.streams.get(streamId);
      if (stream && bytes === 0) this.resetFor(streamId, ErrorCode.protocolError);
      else if (stream && !stream.widen(bytes)) this.resetFor(streamId, ErrorCode.flowControlError);
      return;
    }
    if (bytes === 0) throw wrong("a window that is made no wider");
    this.sendWindowBytes += bytes;
    if (this.sendWindowBytes > MOST_WINDOW_BYTES) throw ofTooLargeWindow();
    this.pumpWaiting();
  }

  /** Each of them sends something or doesn't wait here any more, so that no client can have many asked for nothing. */
  private pumpWaiting(): void {
    for (const stream of this.waiting) {
      if (this.sendWindowBytes <= 0 || this.isFull) return;
      stream.pump();
    }
  }

  private widenReceiveWindow(): void {
    this.writer.number(FrameType.windowUpdate, 0, WINDOW_BYTES - this.receiveWindowBytes);
    this.receiveWindowBytes = WINDOW_BYTES;
    this.flushSoon();
  }

  /** Ends a stream for what the client did: as many such as other frames that bring nothing. */
  private resetFor(streamId: number, code: ErrorCode): void {
    this.idleFrames.count();
    this.streams.get(streamId)?.close();
    this.writer.number(FrameType.resetStream, streamId, code);
    this.flushSoon();
  }

  private ping(): void {
    this.pingedAt ??= performance.now();
    this.writer.frame(FrameType.ping, 0, 0, PING);
    this.flushSoon();
  }

  private endLastCalls(): void {
    if (this.state !== "last calls") return;
    this.state = "draining";
    this.writer.goAway(this.lastServedId, ErrorCode.noError, "");
    this.flushSoon();
  }

  /** The client has done what a connection can't go on after. @param error of any kind: one that is not the client's is a defect, and ends the connection just the same */
  private refuse(error: unknown): void {
    const isClients = error instanceof ConnectionError;
    const code = isClients ? error.code : ErrorCode.internalError;
    this.writer.goAway(this.lastServedId, code, isClients ? error.message : "");
    this.flush();
    this.end();
    // A client that doesn't end its side, too, is not waited for.
    setTimeout(() => this.socket.destroy(), LAST_CALLS_MS).unref();
    // Nor does any work go on that nobody will hear of.
    for (const stream of this.streams.values()) stream.close();
    if (!isClients) throw error;
  }

  private flush(): void {
    this.isFlushing = false;
    this.stopRequests();
    const bytes = this.writer.take();
    if (bytes && !this.socket.destroyed && !this.socket.writableEnded) this.socket.write(bytes);
    if (this.socket.writableLength > MOST_UNWRITTEN_BYTES) this.socket.pause();
    // What has been written at once is followed by no "drain".
    else this.pumpWaiting();
    const isOver = this.streams.size === 0 && this.writer.gatheredBytes === 0;
    if (this.state === "draining" && isOver) this.end();
  }

  private stopRequests(): void {
    if (this.toStop.size === 0) return;
    for (const id of this.toStop) {
      this.writer.number(FrameType.resetStream, id, ErrorCode.noError);
      this.streams.get(id)?.close();
    }
    this.toStop.clear();
  }

  /** Says no more, and hears nothing. */
  private end(): void {
    this.state = "closed";
    this.socket.end();
    // Else it wouldn't be seen that the client ends its side, too.
    this.socket.resume();
  }

  private closed(): void {
    this.state = "closed";
    for (const stream of this.streams.values()) stream.close();
    this.onClosed(this);
  }
}
