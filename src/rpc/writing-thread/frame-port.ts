import type { MessagePort } from "node:worker_threads";
import { type Frame, packed, unpacked } from "./frames.js";

/**
 * One end of the way that calls take between two threads. A message between threads costs about as much as a call does, so frames that are sent in one turn of the event loop leave together at its end, packed
 * into memory that changes hands.
 */
export class FramePort {
  private sending: Frame[] = [];

  /**
   * @param receive gets the frames in the order they were sent in, and may keep their bytes
   * @param onMoved told each time that frames have come, once they are dealt with, or have left
   */
  constructor(
    private readonly port: MessagePort,
    receive: (frame: Frame) => void,
    private readonly onMoved: () => void = () => {},
  ) {
    port.on("message", (memory: Uint8Array) => {
      for (const frame of unpacked(memory)) receive(frame);
      setImmediate(this.onMoved);
    });
  }

  /** @param frame whose bytes aren't to change any more */
  send(frame: Frame): void {
    this.sending.push(frame);
    if (this.sending.length === 1) setImmediate(() => this.flush());
  }

  /** Nothing comes or leaves any more. */
  close(): void {
    this.port.close();
  }

  private flush(): void {
    const memory = packed(this.sending);
    this.sending = [];
    this.port.postMessage(memory, [memory.buffer]);
    this.onMoved();
  }
}
