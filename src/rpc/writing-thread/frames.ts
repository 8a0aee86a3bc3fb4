/** A piece of what passes between two threads: bytes about one call. */
export interface Frame {
  /** Names the call among those that are open. 0 to 2^32 − 1 */
  readonly callId: number;
  /** What the bytes are, for whoever gets them. 0 to 2^32 − 1 */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** Call id, kind and length, four bytes each. */
const HEAD_BYTES = 12;

/** Frames one after the other in memory of their own, which can be handed to another thread. */
export function packed(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const length = frames.reduce((sum, { bytes }) => sum + HEAD_BYTES + bytes.length, 0);
  const memory = new Uint8Array(new ArrayBuffer(length));
  const view = new DataView(memory.buffer);
  let at = 0;
  for (const { callId, kind, bytes } of frames) {
    view.setUint32(at, callId);
    view.setUint32(at + 4, kind);
    view.setUint32(at + 8, bytes.length);
    memory.set(bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + bytes.length;
  }
  return memory;
}

/** The frames that were packed. Their bytes are views of the memory, not copies. */
export function* unpacked(memory: Uint8Array): Generator<Frame> {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  for (let at = 0; at < memory.length; ) {
    const start = at + HEAD_BYTES;
    const end = start + view.getUint32(at + 8);
    yield { callId: view.getUint32(at), kind: view.getUint32(at + 4), bytes: memory.subarray(start, end) };
    at = end;
  }
}
