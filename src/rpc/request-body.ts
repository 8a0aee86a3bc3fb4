/** Of a message in a gRPC or gRPC-Web body: a flag, then its length in four bytes. */
export const PREFIX_BYTES = 5;

/** The body of a unary call as it comes in, which is to be one message. */
export class RequestBody {
  private bytes: Buffer = Buffer.alloc(0);
  private receivedBytes = 0;

  add(chunk: Buffer): void {
    const start = this.receivedBytes;
    this.receivedBytes += chunk.length;
    // Nearly always it is all there is.
    if (start === 0) this.bytes = chunk;
    else this.append(chunk, start);
  }

  /** Of its message, as its prefix says; 0 until that is there. */
  get announcedBytes(): number {
    return this.receivedBytes < PREFIX_BYTES ? 0 : this.bytes.readUInt32BE(1);
  }

  get isCompressed(): boolean {
    return this.bytes[0] !== 0;
  }

  /** Whether there is more in it than one message. */
  get isTooMuch(): boolean {
    return this.receivedBytes > PREFIX_BYTES + this.announcedBytes;
  }

  /** Undefined until all of it is there. */
  get message(): Buffer | undefined {
    if (this.receivedBytes < PREFIX_BYTES + this.announcedBytes) return undefined;
    return this.bytes.subarray(PREFIX_BYTES, this.receivedBytes);
  }

  /** Copied into room for the whole message, so that many small pieces take no more of it than a few large ones. */
  private append(chunk: Buffer, start: number): void {
    if (this.receivedBytes > this.bytes.length) {
      const neededBytes = start < PREFIX_BYTES ? 0 : PREFIX_BYTES + this.bytes.readUInt32BE(1);
      const larger = Buffer.allocUnsafe(Math.max(this.receivedBytes, neededBytes));
      this.bytes.copy(larger, 0, 0, start);
      this.bytes = larger;
    }
    chunk.copy(this.bytes, start);
  }
}
