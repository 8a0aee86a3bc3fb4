import { Duplex } from "node:stream";

/** What a server has of a client that takes what it is sent when it is told to, and not before. A real one's buffers are as large as its machine likes. */
export class Peer extends Duplex {
  readonly written: Buffer[] = [];
  private done: (() => void) | undefined;
  private isReading = false;

  setNoDelay(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.written.push(chunk);
    if (this.isReading) done();
    else this.done = done;
  }

  get writtenBytes(): number {
    return this.written.reduce((bytes, { length }) => bytes + length, 0);
  }

  /** Takes what waits, and all that comes. */
  startReading(): void {
    this.isReading = true;
    this.done?.();
  }
}
