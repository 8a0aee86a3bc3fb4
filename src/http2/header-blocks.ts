import { ConnectionError, ErrorCode, Flag, type Frame, FrameType } from "./frames.js";

/** Headers of a request, or its trailers, whole. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly bytes: Buffer;
  readonly endsStream: boolean;
}

/** Weight and dependency, which mean nothing any more (RFC 9113, 5.3.1). */
const PRIORITY_BYTES = 5;
/** Nobody needs as many to send what headers may have (CVE-2024-27316 and its like). */
const MOST_CONTINUATIONS = 16;

/** Puts HEADERS and the CONTINUATIONs after it together. */
export class HeaderBlocks {
  private open: (Omit<HeaderBlock, "bytes"> & { readonly pieces: Buffer[] }) | undefined;
  private openBytes = 0;

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
    const { type, flags, streamId, payload } = frame;
    if (type === FrameType.headers) {
      if (streamId === 0) throw wrong("headers of no stream");
      this.open = { streamId, endsStream: (flags & Flag.endsStream) !== 0, pieces: [fragment(frame)] };
      this.openBytes = 0;
    } else {
      if (this.open?.streamId !== streamId) throw wrong("a continuation of nothing");
      this.open.pieces.push(payload);
    }
    const { pieces, ...block } = this.open;
    this.openBytes += payload.length;
    if (this.openBytes > this.mostBytes || pieces.length > MOST_CONTINUATIONS) {
      throw new ConnectionError(ErrorCode.enhanceYourCalm, `headers of more than ${this.mostBytes} bytes`);
    }
    if (!(flags & Flag.endsHeaders)) return undefined;
    this.open = undefined;
    const [first] = pieces;
    return { ...block, bytes: pieces.length === 1 && first ? first : Buffer.concat(pieces) };
  }
}

/** The block's part of a HEADERS frame. */
function fragment({ flags, payload }: Frame): Buffer {
  const padding = flags & Flag.isPadded ? (payload[0] ?? payload.length) : 0;
  const start = (flags & Flag.isPadded ? 1 : 0) + (flags & Flag.hasPriority ? PRIORITY_BYTES : 0);
  if (start + padding > payload.length) throw wrong("more padding than payload");
  return payload.subarray(start, payload.length - padding);
}

function wrong(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, what);
}
