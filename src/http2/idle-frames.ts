import { ConnectionError, ErrorCode } from "./frames.js";

/** Counts the frames of a connection that cost something and bring nothing: a client may send many at once, but not for ever (as in CVE-2019-9512 to 9518 and CVE-2023-44487). */
export class IdleFrames {
  private left: number;
  private countedAt = performance.now();

  constructor(
    private readonly mostAtOnce: number,
    private readonly perSecond: number,
  ) {
    this.left = mostAtOnce;
  }

  /** @throws ConnectionError if it is one too many */
  count(): void {
    const now = performance.now();
    this.left = Math.min(this.mostAtOnce, this.left + ((now - this.countedAt) * this.perSecond) / 1_000);
    this.countedAt = now;
    if (this.left < 1) throw new ConnectionError(ErrorCode.enhanceYourCalm, "too many frames that bring nothing");
    this.left--;
  }
}
