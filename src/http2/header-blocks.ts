import { ConnectionError, ErrorCode, Flag, type Frame, FrameType } from "./frames.js";
import { wrong } from "./violations.js";

/** Headers of a request, or its trailers, whole. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly bytes: Buffer;
  readonly endsStream: boolean;
}

/** One that is still to come to its end. */
interface OpenBlock {
  readonly streamId: number;
  readonly pieces: Buffer[];
  /** As sent, padding included. */
  bytes: number;
  readonly endsStream: boolean;
}

/** Weight and dependency, which mean nothing any more (RFC 9113, 5.3.1). */
const PRIORITY_BYTES = 5;
/** Nobody needs as many to send what headers may have (CVE-2024-27316 and its like). */
const MOST_CONTINUATIONS = 16;

/** Puts HEADERS and the CONTINUATIONs after it together. */
export class HeaderBlocks {
  private open: OpenBlock | undefined;

  /** @param mostBytes of a block: as it is compressed, it is no longer than what it says */
  constructor(private readonly mostBytes: number) {}

  /** Whether the next frame is to be a CONTINUATION. */
  get isOpen(): boolean {
    return this.open !== undefined;
  }

  /**
   * @param frame HEADERS or CONTINUATION
   * @returns undefined until the block is whole
   * @throws ConnectionError if the frame can't be, or is too much
   */
  add(frame: Frame): HeaderBlock | undefined {
    if (frame.type === FrameType.headers) return this.begin(frame);
    if (this.open?.streamId !== frame.streamId) throw wrong("a continuation of nothing");
    return this.goOn(this.open, frame);
  }

  private begin(frame: Frame): HeaderBlock | undefined {
    const { flags, streamId, payload } = frame;
    if (streamId === 0) throw wrong("headers of no stream");
    const bytes = fragment(frame);
    const endsStream = (flags & Flag.endsStream) !== 0;
    this.checkLength(payload.length);
    if (flags & Flag.endsHeaders) return { streamId, bytes, endsStream };
    this.open = { streamId, pieces: [bytes], bytes: payload.length, endsStream };
    return undefined;
  }

  private goOn(open: OpenBlock, { flags, payload }: Frame): HeaderBlock | undefined {
    open.pieces.push(payload);
    open.bytes += payload.length;
    this.checkLength(open.bytes);
    if (open.pieces.length > MOST_CONTINUATIONS) throw this.tooMuch();
    if (!(flags & Flag.endsHeaders)) return undefined;
    this.open = undefined;
    return { streamId: open.streamId, bytes: Buffer.concat(open.pieces), endsStream: open.endsStream };
  }

  private checkLength(bytes: number): void {
    if (bytes > this.mostBytes) throw this.tooMuch();
  }

  private tooMuch(): ConnectionError {
    return new ConnectionError(ErrorCode.enhanceYourCalm, `headers of more than ${this.mostBytes} bytes`);
  }
}

/** The block's part of a HEADERS frame. */
function fragment({ flags, payload }: Frame): Buffer {
  const padding = flags & Flag.isPadded ? (payload[0] ?? payload.length) : 0;
  const start = (flags & Flag.isPadded ? 1 : 0) + (flags & Flag.hasPriority ? PRIORITY_BYTES : 0);
  if (start + padding > payload.length) throw wrong("more padding than payload");
  return payload.subarray(start, payload.length - padding);
}
