import { STRIPE_COUNT } from "../domain/accounts.js";
import { TollgateError } from "../domain/errors.js";
import type { EntryRow } from "../domain/ledger/rows.js";
import type { EpochMicros } from "../domain/time.js";
import { type LedgerStore, StoreError } from "../storage/store.js";
import { Admission, type AdmissionLimits } from "./admission.js";
import { type Claim, Claims } from "./apart.js";
import { type BatchContext, type CommandResult, runBatch } from "./batch.js";
import type { Command } from "./command.js";
import { COMMANDS_A_TURN, endOfTurn } from "./event-loop.js";
import { Turns } from "./turns.js";

/*
 * The ledger writer: everything that changes money or a generation goes through it.
 *
 *   idle ──submit──▶ collecting ──end of the event-loop turn──▶ committing ──more waiting──▶ committing
 *                                                                    └──nothing waiting──▶ idle
 *   any ──close──▶ draining ──everything answered──▶ closed
 *
 * Nobody waits for a timer: while one batch commits, the next gathers. So a lone call is not held up, and a crowd shares one durable commit. Each lane is such a loop; there are as many as
 * the store gains from, and none begins a batch that is small beside those under way. Batches that share rows wait for each other in the store, as those of two instances do.
 */

/** A command that would wait beyond these is refused as OVERLOADED. */
export interface WriterLimits extends AdmissionLimits {
  /** Attempts at a batch that meets a conflict or a lost connection. */
  readonly attempts: number;
  /** How long a batch counts as under way for those who could go along with the next one. Longer than one takes, unless it waits for another instance or a slow store. */
  readonly patienceMs: number;
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  batchSize: 256,
  waiting: 4_096,
  waitingMs: 2_500,
  standingMs: 250,
  burstMs: 500,
  attempts: 6,
  patienceMs: 100,
};

/** What the writer tells whoever watches it. */
export interface WriterObserver {
  batchDone(batch: { readonly commands: number; readonly attempts: number; readonly elapsedMs: number }): void;
  batchRetried(error: StoreError): void;
  /** The entries of a batch, once they are committed. */
  posted?(entries: readonly EntryRow[]): void;
}

/** Who waits for a command: an AbortSignal, or as much of one as says whether the caller has gone, and why. */
export interface Submitter extends Pick<AbortSignal, "aborted" | "reason"> {
  /** Has been let in by `enter`: its next command is taken, however many wait. */
  hasPlace?: boolean;
}

interface Waiting {
  readonly command: Command<unknown>;
  readonly submitter: Submitter | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  /** Times that it asked for an account which its batch hadn't loaded. */
  deferrals: number;
  /** Times that it was put off because another batch had its account. */
  putOffs: number;
}

/** A command that is left to a later batch. */
interface PutOff {
  readonly waiting: Waiting;
  /** The batch whose end it waits for; undefined for any. */
  readonly until: Claim | undefined;
}

/** First wait before another attempt; it doubles each time, with as much jitter. */
const FIRST_BACKOFF_MS = 10;
/** Times that a command is left to the next batch because another one has its account, before it waits for that one: next to nobody who shares an account with a few others is still unlucky then. */
const MOST_PUT_OFF = 8;
/** Times that a command may be deferred for an account that its batch didn't load before that is a defect. */
const MAX_DEFERRALS = 3;

export class LedgerWriter {
  private queue: Waiting[] = [];
  /** Put off, oldest first. */
  private aside: readonly PutOff[] = [];
  /** Of those who have entered and whose commands are still to be made, oldest first. */
  private places: (() => void)[] = [];
  /** Resolves when the next commands have been made, while some are. */
  private making: Promise<void> | undefined;
  private lanes = 0;
  /** Batches that lanes have taken and not yet answered, without those that take too long. No set, since that would keep what it has held (docs/decisions/0043). */
  private underWay: readonly (readonly Waiting[])[] = [];
  private isCollecting = false;
  private readonly whenDrained: (() => void)[] = [];
  private isClosed = false;
  private newestTime: EpochMicros | undefined;
  private stripe = Math.floor(Math.random() * STRIPE_COUNT);
  private readonly claims = new Claims();
  private readonly turns: Turns;
  private readonly admission: Admission;

  constructor(
    private readonly store: LedgerStore,
    private readonly limits: WriterLimits = DEFAULT_WRITER_LIMITS,
    private readonly observer?: WriterObserver,
  ) {
    this.admission = new Admission(limits);
    this.turns = new Turns(store.pacing.loadsAhead);
  }

  /** Commands that wait for a batch, those included that are still to be made. */
  get waiting(): number {
    return this.queue.length + this.aside.length + this.places.length;
  }

  /** Whether a command would be taken now, and not refused as OVERLOADED. */
  get hasRoom(): boolean {
    return this.admission.room(this.waiting) > 0;
  }

  /**
   * Takes a place in the queue for a command that is still to be made: in a crowd, what it takes to read and check a request is left until its turn is near, so that the others can be told at once
   * that there is no room for them (docs/decisions/0026).
   * @param begin called when it is time to make the command and submit it, in this turn of the event loop or the next; at once if few wait. One whose caller has gone may do nothing, and none may throw
   * @returns false if there is no room: then `begin` is never called
   */
  enter(begin: () => void): boolean {
    if (!this.hasRoom) return false;
    if (this.places.length === 0 && this.queue.length < this.limits.batchSize) begin();
    else this.places.push(begin);
    return true;
  }

  /**
   * Applies a command in the next batch. Resolves after its commit, so what it returns is durable.
   * @param submitter a command whose caller has gone before its batch begins is not applied
   * @throws TollgateError its refusal; OVERLOADED if too many wait, or it would have to wait too long, and its caller has no place; STORE_UNAVAILABLE if it may or may not have been committed
   */
  submit<Result>(command: Command<Result>, submitter?: Submitter): Promise<Result> {
    if (this.isClosed) return Promise.reject(TollgateError.of("STORE_UNAVAILABLE", {}));
    if (submitter?.hasPlace) submitter.hasPlace = false;
    else if (!this.hasRoom) return Promise.reject(TollgateError.of("OVERLOADED", {}));
    return new Promise<Result>((resolve, reject) => {
      this.queue.push({
        command,
        submitter,
        resolve: resolve as (value: never) => void,
        reject,
        deferrals: 0,
        putOffs: 0,
      });
      this.startLane();
    });
  }

  /** Takes no more commands, answers those that wait, and resolves when all are answered. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.lanes > 0) await new Promise<void>((resolve) => this.whenDrained.push(resolve));
  }

  /** What is waiting is left to a lane that is collecting, or to the first that is done. */
  private startLane(): void {
    if (this.isCollecting || this.lanes >= this.store.pacing.transactionsAtOnce || !this.isWorthABatch) return;
    this.lanes++;
    this.isCollecting = true;
    void this.runLane();
  }

  private async runLane(): Promise<void> {
    // Every call that has arrived by now joins the batch.
    await endOfTurn();
    this.isCollecting = false;
    for (;;) {
      // A batch of the few that have been made so far would cost more than it gains.
      while (this.making && this.queue.length < this.limits.batchSize) await this.making;
      if (!this.isWorthABatch) break;
      const batch = this.takeBatch();
      const ended = this.begin(batch);
      if (this.places.length > 0) this.making ??= this.callIn();
      await this.commit(batch);
      ended();
      // What arrives until it may load may as well join it.
      await this.turns.whenFree;
    }
    this.lanes--;
    if (this.lanes === 0) for (const resolve of this.whenDrained.splice(0)) resolve();
  }

  /** @returns to be called when the batch has been answered */
  private begin(batch: readonly Waiting[]): () => void {
    this.underWay = [...this.underWay, batch];
    const end = (): void => {
      this.underWay = this.underWay.filter((other) => other !== batch);
    };
    const timer = setTimeout(() => {
      end();
      this.startLane();
    }, this.limits.patienceMs);
    // What it has left may be as much again.
    this.startLane();
    return () => {
      clearTimeout(timer);
      end();
    };
  }

  /**
   * Whether what waits should have a batch now. Beside others it should if it is at least as much as they have under way, or as the store asks for: less would cost more than it gains, and the first of them
   * that ends will take it along with what has come by then (docs/decisions/0040). So a lone call finds a batch at once.
   */
  private get isWorthABatch(): boolean {
    const waiting = this.queue.length + this.places.length;
    let underWay = 0;
    for (const batch of this.underWay) underWay += batch.length;
    return waiting > 0 && waiting >= Math.min(underWay, this.store.pacing.leastShare);
  }

  /**
   * A lane's share of what waits, so that the next lane can load and apply the rest while this one saves (docs/decisions/0022); in a crowd as much as there may be, since more is made meanwhile.
   * One that must be alone ends the batch before it.
   */
  private takeBatch(): Waiting[] {
    const { leastShare, transactionsAtOnce } = this.store.pacing;
    const { batchSize } = this.limits;
    const share = Math.max(leastShare, Math.ceil(this.queue.length / transactionsAtOnce));
    const most = this.places.length > 0 ? batchSize : Math.min(share, batchSize);
    const firstAlone = this.queue.findIndex((waiting) => waiting.command.isAlone);
    const upTo = firstAlone < 0 ? most : Math.min(Math.max(firstAlone, 1), most);
    const taken = this.queue.splice(0, upTo);
    return taken.filter((waiting) => {
      if (!waiting.submitter?.aborted) return true;
      waiting.reject(waiting.submitter.reason);
      return false;
    });
  }

  /** Has the next commands made, once what the batch that was just taken reads is on its way. Those called in may have gone, or ask for what can't be done: then others are called in their place. */
  private async callIn(): Promise<void> {
    await endOfTurn();
    const { batchSize } = this.limits;
    // Some in any case: commands that come without a place must not keep those with one out for ever.
    const least = Math.ceil(batchSize / 4);
    for (let made = 0; this.places.length > 0; ) {
      const wanted = Math.max(least - made, batchSize - this.queue.length);
      if (wanted <= 0) break;
      const next = this.places.splice(0, Math.min(wanted, COMMANDS_A_TURN));
      for (const begin of next) begin();
      made += next.length;
      await endOfTurn();
    }
    this.making = undefined;
  }

  /** Commits a batch and answers it. If something in it can't be written at all, each command gets a batch of its own, so that one can't fail its neighbours. @param batch what is put off on the way leaves it */
  private async commit(batch: Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    const end = this.admission.begin();
    let committed = 0;
    try {
      const results = await this.attempt(batch);
      committed = this.answer(batch, results);
    } catch (error) {
      if (error instanceof StoreError && error.kind !== "REFUSED") {
        for (const waiting of batch) waiting.reject(TollgateError.of("STORE_UNAVAILABLE", {}, error));
      } else if (batch.length === 1) {
        batch[0]?.reject(error);
      } else {
        for (const waiting of batch) await this.commit([waiting]);
      }
    } finally {
      end(committed);
    }
  }

  /** @returns how many there were to answer; the others are deferred */
  private answer(batch: readonly Waiting[], results: readonly CommandResult[]): number {
    const deferred: Waiting[] = [];
    batch.forEach((waiting, index) => {
      const result = results[index] as CommandResult;
      if (result.kind === "done") waiting.resolve(result.value as never);
      else if (result.kind === "refused") waiting.reject(result.error);
      else if (waiting.deferrals++ < MAX_DEFERRALS) deferred.push(waiting);
      else waiting.reject(new Error(`${waiting.command.name} was put off ${MAX_DEFERRALS} times`));
    });
    this.queue.unshift(...deferred);
    return batch.length - deferred.length;
  }

  /**
   * Runs a batch until it commits. A conflict wrote nothing. A connection lost around the COMMIT may have written everything: the batch is run
   * again whole, and the request keys and generations it finds say what its first run did.
   */
  private async attempt(batch: Waiting[]): Promise<CommandResult[]> {
    const startedAt = performance.now();
    for (let attempts = 1; ; attempts++) {
      try {
        const { results, entries } = await this.attemptOnce(batch);
        this.observer?.posted?.(entries);
        this.observer?.batchDone({ commands: batch.length, attempts, elapsedMs: performance.now() - startedAt });
        return results;
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind === "REFUSED" || attempts >= this.limits.attempts) throw error;
        this.observer?.batchRetried(error);
        await backoff(attempts);
      }
    }
  }

  private async attemptOnce(batch: Waiting[]): ReturnType<typeof runBatch> {
    const commands = batch.map((waiting) => waiting.command);
    const claim = this.claims.begin();
    const turn = this.turns.begin();
    try {
      await turn.whenFree;
      this.newestTime ??= await this.store.newestTime();
      const context: BatchContext = {
        stripe: this.nextStripe(),
        claim,
        isCrowded: this.places.length > 0,
        mayWait: (index) => (batch[index] as Waiting).putOffs < MOST_PUT_OFF,
        putOff: (indexes) => this.putOff(batch, indexes, claim),
        loaded: async () => {
          await turn.loaded();
          return this.newestTime as EpochMicros;
        },
        applied: (now) => {
          this.newestTime = now;
          turn.applied();
        },
      };
      return await this.store.transact((transaction) => runBatch(transaction, commands, context));
    } finally {
      claim.end();
      turn.end();
      this.takeBack(claim);
    }
  }

  /** Takes commands out of a batch. What they need is another one's, so that they can wait for its end; but where this one has locked their generations, they have to wait for its own. */
  private putOff(batch: Waiting[], indexes: ReadonlySet<number>, claim: Claim): void {
    const left: Waiting[] = [];
    const putOff: PutOff[] = [];
    for (const [index, waiting] of batch.entries()) {
      if (!indexes.has(index)) {
        left.push(waiting);
        continue;
      }
      waiting.putOffs++;
      putOff.push({ waiting, until: waiting.command.generations ? claim : undefined });
    }
    this.aside = [...this.aside, ...putOff];
    batch.splice(0, batch.length, ...left);
  }

  /** At the end of a batch: those who waited for it go back to the head of the queue. */
  private takeBack(ended: Claim): void {
    if (this.aside.length === 0) return;
    const isOver = ({ until }: PutOff): boolean => until === undefined || until === ended;
    const back = this.aside.filter(isOver).map(({ waiting }) => waiting);
    this.aside = this.aside.filter((putOff) => !isOver(putOff));
    this.queue.unshift(...back);
  }

  private nextStripe(): number {
    this.stripe = (this.stripe + 1) % STRIPE_COUNT;
    return this.stripe;
  }
}

function backoff(attempts: number): Promise<void> {
  const ceilingMs = FIRST_BACKOFF_MS * 2 ** attempts;
  return new Promise((resolve) => setTimeout(resolve, ceilingMs / 2 + (Math.random() * ceilingMs) / 2));
}
