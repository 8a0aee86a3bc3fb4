import { ConnectionError, ErrorCode, Flag, type Frame, MOST_WINDOW_BYTES } from "./frames.js";

/* What a client may do wrong with a frame that concerns its whole connection. */

export function wrong(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, what);
}

export function ofNoStream(): ConnectionError {
  return wrong("a frame of a stream that hasn't begun");
}

export function ofWrongSize(): ConnectionError {
  return new ConnectionError(ErrorCode.frameSizeError, "a frame of the wrong size");
}

export function ofTooLargeWindow(): ConnectionError {
  return new ConnectionError(ErrorCode.flowControlError, `a window above ${MOST_WINDOW_BYTES} bytes`);
}

/** A frame's payload without its padding (RFC 9113, 6.1). @throws ConnectionError if that is more than the payload */
export function unpadded({ flags, payload }: Frame): Buffer {
  if (!(flags & Flag.isPadded)) return payload;
  const padding = payload[0] ?? payload.length;
  if (padding >= payload.length) throw wrong("more padding than payload");
  return payload.subarray(1, payload.length - padding);
}
