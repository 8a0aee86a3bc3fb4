/**
 * How many calls the writing thread still takes, in memory that both threads see: asking it for every call would cost what turning a call away is to save.
 * It is kept as the number of the last call that is taken, counted from the first one ever. Counts run over at 2^31 and are only compared by their difference.
 */
export class SharedRoom {
  private readonly upTo: Int32Array;

  /** @param memory of 4 bytes, shared by both threads */
  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.upTo = new Int32Array(memory);
  }

  /** @param received calls so far @param room how many more are taken */
  set(received: number, room: number): void {
    Atomics.store(this.upTo, 0, (received + room) | 0);
  }

  /** @param sent calls so far */
  isLeft(sent: number): boolean {
    return ((Atomics.load(this.upTo, 0) - sent) | 0) > 0;
  }
}
