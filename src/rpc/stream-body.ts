import { Code, ConnectError } from "@connectrpc/connect";
import type { ServerStream, StreamUser } from "../http2/server-stream.js";
import { GatheredBytes } from "./gathered-bytes.js";
import { PREFIX_BYTES } from "./request-body.js";

/** So much is handed on even in the middle of a message. */
const ENOUGH_BYTES = 16 * 1_024;

/**
 * The body of a request of any kind, as it comes in. What nobody has read yet holds the client up.
 * It is handed on when it ends a prefix or a message, or there is enough of it: Connect looks through all pieces of a message whenever one is added, so that a message in pieces of a byte would take it minutes.
 */
export class StreamBody implements StreamUser, AsyncIterable<Uint8Array> {
  private readonly gathered = new GatheredBytes();
  private readonly prefix = Buffer.alloc(PREFIX_BYTES);
  private isInPrefix = true;
  /** Of the prefix or the message that is coming in. */
  private missingBytes = PREFIX_BYTES;
  private hasEnded = false;
  private readonly controller = new AbortController();
  private isWhole = false;
  private wake = (): void => {};

  constructor(private readonly stream: ServerStream) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  received(chunk: Buffer): void {
    this.gathered.add(chunk);
    this.follow(chunk);
    if (this.isReadable) this.wake();
  }

  receivedAll(): void {
    this.isWhole = true;
    this.wake();
  }

  closed(): void {
    this.controller.abort(new ConnectError("the caller has gone", Code.Canceled));
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      if (this.isReadable) {
        const bytes = this.gathered.take();
        this.hasEnded = false;
        this.stream.taken(bytes.length);
        yield bytes;
      } else if (this.isWhole) {
        return;
      } else {
        this.signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  private get isReadable(): boolean {
    const { length } = this.gathered;
    return length > 0 && (this.hasEnded || this.isWhole || length >= ENOUGH_BYTES);
  }

  /** Sees where prefixes and messages end. */
  private follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const end = Math.min(at + this.missingBytes, chunk.length);
      if (this.isInPrefix) chunk.copy(this.prefix, PREFIX_BYTES - this.missingBytes, at, end);
      this.missingBytes -= end - at;
      at = end;
      if (this.missingBytes > 0) return;
      this.hasEnded = true;
      this.missingBytes = this.isInPrefix ? this.prefix.readUInt32BE(1) : PREFIX_BYTES;
      this.isInPrefix = !this.isInPrefix;
    }
  }
}
