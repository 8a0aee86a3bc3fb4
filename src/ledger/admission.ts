/** Bounds on what may wait for the writer. */
export interface AdmissionLimits {
  /** Commands in one batch, at most. */
  readonly batchSize: number;
  /** Commands waiting, at most. */
  readonly waiting: number;
  /** How long a command of a burst may be expected to wait, in milliseconds: longer, and its caller may give up before its turn, so that all the work would be for callers who have gone. */
  readonly waitingMs: number;
  /** And how long in a crowd that stays: a queue that doesn't get shorter makes everybody wait and serves nobody sooner. */
  readonly standingMs: number;
  /** A crowd that has kept commands waiting for longer than that for so long is no burst any more, in milliseconds. */
  readonly burstMs: number;
}

/** Weight of the newest batch in what a command takes: the last dozen count. */
const NEWEST = 0.2;
/** What a command is taken to need before a batch has shown it: rather too much, since a queue that is too long can't be taken back. */
const FIRST_COMMAND_MS = 1;

/**
 * Decides how many more commands may wait. Their number alone says little: 4,096 commands are half a second's work on one machine and five seconds' on another.
 * A burst is taken whole and may wait for long; once there has been a queue all the time for longer than a burst lasts, it is kept short, as CoDel (RFC 8289) does with packets, until it has been half as short again for as long.
 * What a command takes is learnt from batches that are at least half full, since one of few commands takes much longer for each. To that comes how long the batches under way have been
 * at it. Less than a batch may always wait, since it all goes at once.
 */
export class Admission {
  private commandMs = FIRST_COMMAND_MS;
  private underWay = 0;
  private lastBeganAt = 0;
  private lastEndedAt = 0;
  /** When the queue was last short enough for a crowd that stays, and when it last wasn't half as short. */
  private shortAt: number;
  private longAt: number;
  private isCrowded = false;

  /** @param now the time in milliseconds, from any beginning, monotonic */
  constructor(
    private readonly limits: AdmissionLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.shortAt = now();
    this.longAt = this.shortAt;
  }

  /** How many more commands may wait. @param waiting commands that wait already */
  room(waiting: number): number {
    const { batchSize, waiting: most, waitingMs, standingMs } = this.limits;
    const now = this.now();
    const stuckMs = this.underWay > 0 ? now - Math.max(this.lastBeganAt, this.lastEndedAt) : 0;
    this.watchCrowd(now, waiting < batchSize ? 0 : waiting * this.commandMs + stuckMs);
    const inTime = Math.ceil(((this.isCrowded ? standingMs : waitingMs) - stuckMs) / this.commandMs);
    return Math.max(0, Math.min(most, Math.max(batchSize, inTime)) - waiting);
  }

  /** @param expectedMs what the last in the queue has to wait */
  private watchCrowd(now: number, expectedMs: number): void {
    const { standingMs, burstMs } = this.limits;
    if (expectedMs < standingMs) this.shortAt = now;
    if (expectedMs > standingMs / 2) this.longAt = now;
    const since = this.isCrowded ? this.longAt : this.shortAt;
    if (now - since > burstMs) this.isCrowded = !this.isCrowded;
  }

  /** Notes that a batch begins, all its attempts together. @returns to be called with its commands at its end, 0 if it failed */
  begin(): (commands: number) => void {
    const beganAt = this.now();
    this.lastBeganAt = beganAt;
    this.underWay++;
    return (commands) => this.end(beganAt, commands);
  }

  /** Batches overlap: what counts is the time since the one before ended. */
  private end(beganAt: number, commands: number): void {
    const endedAt = this.now();
    const tookMs = endedAt - Math.max(beganAt, this.lastEndedAt);
    this.lastEndedAt = endedAt;
    this.underWay--;
    if (commands * 2 >= this.limits.batchSize) this.commandMs += (tookMs / commands - this.commandMs) * NEWEST;
  }
}
