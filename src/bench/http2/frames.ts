/** HTTP/2 frames as RFC 9113 lays them out: as much of them as a client of unary calls needs. */

/** What opens a connection, before the first frame (RFC 9113, 3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** RFC 9113, 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { acknowledges: 1, endsStream: 1, endsHeaders: 4 } as const;

/** RFC 9113, 6.5.2. */
export const Setting = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4 } as const;

/** What either side may send before it has been told otherwise, in bytes. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MOST_WINDOW_BYTES = 2 ** 31 - 1;
/** Of what follows a frame's head; neither side asks for more. */
export const MOST_PAYLOAD_BYTES = 16_384;

const HEAD_BYTES = 9;
const SETTING_BYTES = 6;
const FIRST_CAPACITY_BYTES = 64 * 1024;

/** A frame that has arrived. The payload is only good until the next one is asked for. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** 0: about the connection. */
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Cuts what arrives into frames. Keeps at most one that isn't whole yet. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);

  /**
   * The frames that a chunk completes.
   * @throws Error at a frame that is longer than a peer may send
   */
  *read(chunk: Buffer): Generator<Frame> {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let start = 0;
    while (bytes.length - start >= HEAD_BYTES) {
      const payloadBytes = bytes.readUIntBE(start, 3);
      if (payloadBytes > MOST_PAYLOAD_BYTES) throw new Error(`a frame of ${payloadBytes} bytes`);
      const end = start + HEAD_BYTES + payloadBytes;
      if (end > bytes.length) break;
      yield {
        type: bytes[start + 3] as number,
        flags: bytes[start + 4] as number,
        streamId: bytes.readUInt32BE(start + 5),
        payload: bytes.subarray(start + HEAD_BYTES, end),
      };
      start = end;
    }
    this.rest = bytes.subarray(start);
  }
}

/** Gathers frames, so that all of one turn of the event loop leave in one write. */
export class FrameWriter {
  private bytes = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES);
  private length = 0;

  /** @param payload at most MOST_PAYLOAD_BYTES */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const start = this.length;
    this.reserve(HEAD_BYTES + payload.length);
    this.bytes.writeUIntBE(payload.length, start, 3);
    this.bytes[start + 3] = type;
    this.bytes[start + 4] = flags;
    this.bytes.writeUInt32BE(streamId, start + 5);
    this.bytes.set(payload, start + HEAD_BYTES);
  }

  settings(settings: Readonly<Record<number, number>>): void {
    const entries = Object.entries(settings);
    const payload = Buffer.alloc(entries.length * SETTING_BYTES);
    entries.forEach(([setting, value], index) => {
      payload.writeUInt16BE(Number(setting), index * SETTING_BYTES);
      payload.writeUInt32BE(value, index * SETTING_BYTES + 2);
    });
    this.frame(FrameType.settings, 0, 0, payload);
  }

  /** A frame whose payload is one number: WINDOW_UPDATE or RST_STREAM. */
  number(type: number, streamId: number, value: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(value);
    this.frame(type, 0, streamId, payload);
  }

  /** Everything since it was last taken; undefined if there is nothing. */
  take(): Buffer | undefined {
    if (this.length === 0) return undefined;
    const taken = Buffer.from(this.bytes.subarray(0, this.length));
    this.length = 0;
    return taken;
  }

  private reserve(more: number): void {
    this.length += more;
    if (this.length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.length);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** A setting of a SETTINGS frame; undefined if it isn't in it. */
export function settingIn({ payload }: Frame, setting: number): number | undefined {
  for (let start = 0; start + SETTING_BYTES <= payload.length; start += SETTING_BYTES) {
    if (payload.readUInt16BE(start) === setting) return payload.readUInt32BE(start + 2);
  }
  return undefined;
}
