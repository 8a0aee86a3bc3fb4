const NOTHING: Buffer = Buffer.alloc(0);

/** Bytes that come in pieces, put together: many small pieces take no more room than a few large ones, and no more than twice what has come. */
export class GatheredBytes {
  private room: Buffer = NOTHING;
  private gatheredBytes = 0;

  get length(): number {
    return this.gatheredBytes;
  }

  /** All of them so far: a view, until more are added. */
  get all(): Buffer {
    return this.room.length === this.gatheredBytes ? this.room : this.room.subarray(0, this.gatheredBytes);
  }

  add(piece: Buffer): void {
    const start = this.gatheredBytes;
    this.gatheredBytes += piece.length;
    // Nearly always it is all there is.
    if (start === 0) this.room = piece;
    else this.append(piece, start);
  }

  /** Hands all of them over, and begins again. */
  take(): Buffer {
    const { all } = this;
    this.room = NOTHING;
    this.gatheredBytes = 0;
    return all;
  }

  private append(piece: Buffer, start: number): void {
    if (this.gatheredBytes > this.room.length) {
      const larger = Buffer.allocUnsafe(2 * this.gatheredBytes);
      this.room.copy(larger, 0, 0, start);
      this.room = larger;
    }
    piece.copy(this.room, start);
  }
}
