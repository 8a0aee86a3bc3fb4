/** HTTP/2 frames as RFC 9113 lays them out. */

/** What opens a connection, before the first frame (RFC 9113, 3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** RFC 9113, 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { acknowledges: 1, endsStream: 1, endsHeaders: 4, isPadded: 8, hasPriority: 32 } as const;

/** RFC 9113, 6.5.2. */
export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** RFC 9113, 7. */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What a peer did that its connection can't go on after. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** What either side may send before it has been told otherwise, in bytes. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MOST_WINDOW_BYTES = 2 ** 31 - 1;
export const MOST_STREAM_ID = 2 ** 31 - 1;
/** Of what follows a frame's head; neither side asks for more. */
export const MOST_PAYLOAD_BYTES = 16_384;

const HEAD_BYTES = 9;
const SETTING_BYTES = 6;
const FIRST_CAPACITY_BYTES = 64 * 1024;
/** One more bit stands before a stream's number, and means nothing. */
const STREAM_ID_BITS = 0x7fff_ffff;
/** What a block of headers begins with that makes the peer's table one of no bytes (RFC 7541, 6.3). */
const EMPTY_TABLE = 0x20;
const NOTHING = Buffer.alloc(0);

/** A frame that has arrived. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** 0: about the connection. */
  readonly streamId: number;
  /** A view of what arrived, not a copy. */
  readonly payload: Buffer;
}

/** Cuts what arrives into frames. Keeps at most one that isn't whole yet. */
export class FrameReader {
  private rest: Buffer = NOTHING;

  /**
   * Hands on the frames that a chunk completes.
   * @throws ConnectionError at a frame that is longer than a peer may send, and whatever `take` throws
   */
  read(chunk: Buffer, take: (frame: Frame) => void): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let start = 0;
    while (bytes.length - start >= HEAD_BYTES) {
      const payloadBytes = bytes.readUIntBE(start, 3);
      if (payloadBytes > MOST_PAYLOAD_BYTES) {
        throw new ConnectionError(ErrorCode.frameSizeError, `a frame of ${payloadBytes} bytes`);
      }
      const end = start + HEAD_BYTES + payloadBytes;
      if (end > bytes.length) break;
      take({
        type: bytes[start + 3] as number,
        flags: bytes[start + 4] as number,
        streamId: bytes.readUInt32BE(start + 5) & STREAM_ID_BITS,
        payload: bytes.subarray(start + HEAD_BYTES, end),
      });
      start = end;
    }
    // A copy: a view would keep all that came with it, for as long as nothing more comes.
    this.rest = start < bytes.length ? Buffer.from(bytes.subarray(start)) : NOTHING;
  }
}

/** Gathers frames, so that all of one turn of the event loop leave in one write. */
export class FrameWriter {
  private bytes = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES);
  private length = 0;
  private hasToEmptyTable = false;

  /** Bytes that have been gathered since they were last taken. */
  get gatheredBytes(): number {
    return this.length;
  }

  /** The peer keeps a smaller table than it did. Nothing is ever added to it, but the next block of headers has to say that it has heard (RFC 7541, 4.2). */
  emptyTable(): void {
    this.hasToEmptyTable = true;
  }

  /** @param payload at most MOST_PAYLOAD_BYTES */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const start = this.head(type, flags, streamId, payload.length);
    this.bytes.set(payload, start);
  }

  /** A block of headers, of any length: what goes beyond one frame continues in further ones. */
  headers(streamId: number, headers: Uint8Array, endsStream: boolean): void {
    const block = this.hasToEmptyTable ? Buffer.concat([Buffer.of(EMPTY_TABLE), headers]) : headers;
    this.hasToEmptyTable = false;
    const flag = endsStream ? Flag.endsStream : 0;
    if (block.length <= MOST_PAYLOAD_BYTES) {
      this.frame(FrameType.headers, Flag.endsHeaders | flag, streamId, block);
      return;
    }
    this.frame(FrameType.headers, flag, streamId, block.subarray(0, MOST_PAYLOAD_BYTES));
    for (let start = MOST_PAYLOAD_BYTES; start < block.length; start += MOST_PAYLOAD_BYTES) {
      const end = start + MOST_PAYLOAD_BYTES;
      const flags = end >= block.length ? Flag.endsHeaders : 0;
      this.frame(FrameType.continuation, flags, streamId, block.subarray(start, end));
    }
  }

  settings(settings: Readonly<Record<number, number>>): void {
    const entries = Object.entries(settings);
    let at = this.head(FrameType.settings, 0, 0, entries.length * SETTING_BYTES);
    for (const [setting, value] of entries) {
      at = this.bytes.writeUInt16BE(Number(setting), at);
      at = this.bytes.writeUInt32BE(value, at);
    }
  }

  /** A frame whose payload is one number: WINDOW_UPDATE or RST_STREAM. */
  number(type: number, streamId: number, value: number): void {
    const start = this.head(type, 0, streamId, 4);
    this.bytes.writeUInt32BE(value, start);
  }

  goAway(lastStreamId: number, code: ErrorCode, reason: string): void {
    const text = Buffer.from(reason);
    const start = this.head(FrameType.goAway, 0, 0, 8 + text.length);
    this.bytes.writeUInt32BE(lastStreamId, start);
    this.bytes.writeUInt32BE(code, start + 4);
    this.bytes.set(text, start + 8);
  }

  /** Everything since it was last taken; undefined if there is nothing. */
  take(): Buffer | undefined {
    if (this.length === 0) return undefined;
    const taken = Buffer.from(this.bytes.subarray(0, this.length));
    this.length = 0;
    // One large answer is no reason to keep room for another.
    if (this.bytes.length > 4 * FIRST_CAPACITY_BYTES) this.bytes = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES);
    return taken;
  }

  /** @returns where the payload begins, for which there is room */
  private head(type: number, flags: number, streamId: number, payloadBytes: number): number {
    const start = this.length;
    this.reserve(HEAD_BYTES + payloadBytes);
    this.bytes.writeUIntBE(payloadBytes, start, 3);
    this.bytes[start + 3] = type;
    this.bytes[start + 4] = flags;
    this.bytes.writeUInt32BE(streamId, start + 5);
    return start + HEAD_BYTES;
  }

  private reserve(more: number): void {
    this.length += more;
    if (this.length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.length);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** The settings of a SETTINGS frame, in their order. */
export function settingsIn({ payload }: Frame): (readonly [setting: number, value: number])[] {
  return Array.from({ length: Math.floor(payload.length / SETTING_BYTES) }, (_, index) => [
    payload.readUInt16BE(index * SETTING_BYTES),
    payload.readUInt32BE(index * SETTING_BYTES + 2),
  ]);
}
