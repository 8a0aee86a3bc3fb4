import { type ErrorCode, FrameType, type FrameWriter, MOST_PAYLOAD_BYTES, MOST_WINDOW_BYTES } from "./frames.js";
import type { RequestHeaders } from "./request-headers.js";

/** Who serves a request. Nothing it is told about may throw. */
export interface StreamUser {
  /** Some of the body has come. Whoever takes it says so by `taken`. */
  received(chunk: Buffer): void;
  /** All of the body has come. */
  receivedAll(): void;
  /** Nothing can be sent any more: the answer is complete, or the client or the connection has gone. Called once. */
  closed(): void;
}

/** What a stream needs of its connection. */
export interface StreamConnection {
  readonly writer: FrameWriter;
  /** Bytes of all streams together that the client takes for now. */
  sendWindowBytes: number;
  /** Whether so much waits to be written that nothing is to be added, whatever the windows say. */
  readonly isFull: boolean;
  /** Bytes of all streams together that nobody has taken yet, of bodies and of answers. */
  heldBytes: number;
  unsentBytes: number;
  /** Has what has been written sent at the end of this turn of the event loop. */
  flushSoon(): void;
  /** The stream has something that it may not send before the connection has room for it, or no longer has. */
  setWaiting(stream: ServerStream, isWaiting: boolean): void;
  /** The stream is over. */
  forget(stream: ServerStream): void;
  /** Its answer is complete before its request is: the client is told to stop if it hasn't by the end of this turn. */
  stopSoon(stream: ServerStream): void;
}

/*
 * One request and its answer. States (RFC 9113, 5.1): open → half-closed on either side → closed; a reset closes at once.
 *
 *   isRequestWhole: the client has sent everything        isAnswerWhole: so have we        isClosed: nothing more goes either way
 */
export class ServerStream {
  isRequestWhole = false;
  isAnswerWhole = false;
  isClosed = false;
  /** Whether some of the answer waits for the client to take more of it. */
  isHeldUp = false;
  /** Whether the request is to come without long pauses: that of a unary call. One of a stream may take its time. */
  expectsAll = false;
  /** Of the body, what nobody has taken yet. */
  private heldBytes = 0;
  private user: StreamUser | undefined;
  /** What couldn't be sent yet, then the trailers. */
  private unsent: Uint8Array[] = [];
  private trailers: Uint8Array | undefined;
  /** Nearly nobody asks. */
  private onSent: (() => void)[] | undefined;
  /** performance.now() when the client last sent some of the request, or took some of an answer that is held up. */
  movedAt = 0;

  constructor(
    private readonly connection: StreamConnection,
    readonly id: number,
    readonly headers: RequestHeaders,
    /** Bytes of the body that may still come. */
    private receiveWindowBytes: number,
    /** Bytes of the answer that the client takes for now; below zero if it has changed its mind. */
    private sendWindowBytes: number,
  ) {}

  /** To be called at once with who serves the request. */
  serve(user: StreamUser): void {
    this.user = user;
  }

  /** Sends the head of the answer. @param block as `encodeHeaders` makes it @param endsStream whether it is all of the answer */
  respond(block: Uint8Array, endsStream: boolean): void {
    if (this.isClosed || this.isAnswerWhole) return;
    this.connection.writer.headers(this.id, block, endsStream);
    this.connection.flushSoon();
    if (endsStream) this.endAnswer();
  }

  /** Sends some of the answer's body, as soon as the client takes it. */
  send(bytes: Uint8Array): void {
    if (this.isClosed || this.isAnswerWhole || bytes.length === 0) return;
    this.connection.unsentBytes += bytes.length;
    // An array that grows has room for many, and nearly always there is one.
    if (this.unsent.length === 0) this.unsent = [bytes];
    else this.unsent.push(bytes);
    this.pump();
  }

  /** Ends the answer, once its body has been sent. */
  end(trailers: Uint8Array): void {
    if (this.isClosed || this.isAnswerWhole) return;
    this.trailers = trailers;
    this.pump();
  }

  /** Resolves when all that was given to `send` has been sent, or never will be. */
  whenSent(): Promise<void> {
    if (this.isClosed || this.unsent.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onSent ??= [];
      this.onSent.push(resolve);
    });
  }

  /** Somebody has taken some of the body: as much may come again. */
  taken(bytes: number): void {
    this.release(bytes);
    if (this.isRequestWhole || this.isClosed) return;
    this.receiveWindowBytes += bytes;
    this.connection.writer.number(FrameType.windowUpdate, this.id, bytes);
    this.connection.flushSoon();
  }

  /** Ends it from this side, whatever state it is in. */
  reset(code: ErrorCode): void {
    if (this.isClosed) return;
    this.connection.writer.number(FrameType.resetStream, this.id, code);
    this.connection.flushSoon();
    this.close();
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= this.receiveWindowBytes;
  }

  /** The client has padded what it sent, and has as much less of the window: it gets that back at once. */
  receivePadding(bytes: number): void {
    this.connection.writer.number(FrameType.windowUpdate, this.id, bytes);
    this.connection.flushSoon();
  }

  /** Some of the body, of a length that it has room for. */
  receive(chunk: Buffer): void {
    this.receiveWindowBytes -= chunk.length;
    if (this.isAnswerWhole) return;
    this.heldBytes += chunk.length;
    this.connection.heldBytes += chunk.length;
    this.user?.received(chunk);
  }

  receiveEnd(): void {
    this.isRequestWhole = true;
    if (this.isAnswerWhole) this.close();
    else this.user?.receivedAll();
  }

  /** The client takes more, or less if it is below zero. @returns false if that is more than there can be (RFC 9113, 6.9.1) */
  widen(bytes: number): boolean {
    this.sendWindowBytes += bytes;
    if (this.sendWindowBytes > MOST_WINDOW_BYTES) return false;
    if (this.isHeldUp) this.pump();
    return true;
  }

  /** Sends what the windows and the connection have room for. */
  pump(): void {
    const { connection } = this;
    let hasMoved = false;
    for (let chunk = this.unsent[0]; chunk; chunk = this.unsent[0]) {
      const bytes = Math.min(chunk.length, MOST_PAYLOAD_BYTES, this.sendWindowBytes, connection.sendWindowBytes);
      if (bytes <= 0 || connection.isFull) break;
      connection.writer.frame(FrameType.data, 0, this.id, chunk.subarray(0, bytes));
      this.sendWindowBytes -= bytes;
      connection.sendWindowBytes -= bytes;
      connection.unsentBytes -= bytes;
      hasMoved = true;
      if (bytes < chunk.length) this.unsent[0] = chunk.subarray(bytes);
      else this.unsent.shift();
    }
    connection.flushSoon();
    const isHeldUp = this.unsent.length > 0;
    // One that waits for its own window is told of that, and isn't asked whenever the connection's moves.
    connection.setWaiting(this, isHeldUp && this.sendWindowBytes > 0);
    if (isHeldUp && (hasMoved || !this.isHeldUp)) this.movedAt = performance.now();
    this.isHeldUp = isHeldUp;
    if (isHeldUp) return;
    this.tellSent();
    if (!this.trailers) return;
    connection.writer.headers(this.id, this.trailers, true);
    this.endAnswer();
  }

  /** Nothing more goes either way. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const { length } of this.unsent) this.connection.unsentBytes -= length;
    this.unsent = [];
    this.isHeldUp = false;
    this.release(this.heldBytes);
    this.connection.setWaiting(this, false);
    this.connection.forget(this);
    this.tellSent();
    this.user?.closed();
  }

  private tellSent(): void {
    const { onSent } = this;
    this.onSent = undefined;
    for (const resolve of onSent ?? []) resolve();
  }

  private endAnswer(): void {
    this.isAnswerWhole = true;
    this.release(this.heldBytes);
    if (this.isRequestWhole) this.close();
    else this.connection.stopSoon(this);
  }

  private release(bytes: number): void {
    const held = Math.min(bytes, this.heldBytes);
    this.heldBytes -= held;
    this.connection.heldBytes -= held;
  }
}
