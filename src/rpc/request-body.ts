import { GatheredBytes } from "./gathered-bytes.js";

/** Of a message in a gRPC or gRPC-Web body: a flag, then its length in four bytes. */
export const PREFIX_BYTES = 5;

/** The body of a unary call as it comes in, which is to be one message. */
export class RequestBody {
  private readonly received = new GatheredBytes();

  add(chunk: Buffer): void {
    this.received.add(chunk);
  }

  /** Of its message, as its prefix says; 0 until that is there. */
  get announcedBytes(): number {
    return this.received.length < PREFIX_BYTES ? 0 : this.received.all.readUInt32BE(1);
  }

  get isCompressed(): boolean {
    return this.received.all[0] !== 0;
  }

  /** Whether there is more in it than one message. */
  get isTooMuch(): boolean {
    return this.received.length > PREFIX_BYTES + this.announcedBytes;
  }

  /** Forgets all that has come. */
  empty(): void {
    this.received.take();
  }

  /** Undefined until all of it is there. */
  get message(): Buffer | undefined {
    if (this.received.length < PREFIX_BYTES + this.announcedBytes) return undefined;
    return this.received.all.subarray(PREFIX_BYTES);
  }
}
