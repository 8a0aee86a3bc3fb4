import { v7 as uuidv7 } from "uuid";
import { isPlatformAccount } from "../../domain/accounts.js";
import type { EntryRow } from "../../domain/ledger/rows.js";
import type { EpochMicros } from "../../domain/time.js";
import type { PayerRole, ReadStore } from "../../storage/read-store.js";
import { settleUnpaid } from "../commands/settle-unpaid.js";
import type { Sweep } from "../sweeper.js";
import type { LedgerWriter } from "../writer.js";

/** How long a payment may wait that nobody was told of: money that came in through a process that ended before it could look. */
const EVERY_MS = 30_000;
/** Accounts looked at together, so that a crowd leaves the writer's queue to callers. */
const ACCOUNTS_AT_ONCE = 50;
/** Generations of one account read at a time. */
const GENERATIONS_AT_ONCE = 100;
/** Times that they are read in one go; what is left then waits for the next sweep. */
const MOST_READS = 10;
/** Accounts that wait to be looked at, at most; the sweep finds those left out. */
const MOST_WAITING = 10_000;

const ROLES: readonly PayerRole[] = ["PAYER", "FALLBACK"];

/**
 * Pays by itself for what nobody could pay, once its payer has the money (rules 3.4, docs/decisions/0018). Nothing is written to remember that: an account that can pay is found by
 * what the books say, so a crash loses nothing, and of two instances that find the same one settles and the other sees it settled.
 */
export class UnpaidRetries implements Sweep {
  readonly everyMs = EVERY_MS;
  private readonly waiting = new Set<string>();
  private running: Promise<void> | undefined;
  private isStopped = false;

  /**
   * @param maxAgeMicros a generation older than this is left to RetryPayment
   * @param onError told of what failed; the next sweep tries again
   */
  constructor(
    private readonly store: Pick<ReadStore, "accountsAbleToPay" | "unpaidGenerations">,
    private readonly writer: LedgerWriter,
    private readonly maxAgeMicros: bigint,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Told of entries that were committed: looks at once, and on its own, at the accounts in which money arrived. */
  posted(entries: readonly EntryRow[]): void {
    for (const { accountId, amountUsdMicros } of entries) {
      if (this.waiting.size >= MOST_WAITING) break;
      if (amountUsdMicros > 0n && !isPlatformAccount(accountId)) this.waiting.add(accountId);
    }
    if (this.waiting.size > 0 && !this.isStopped) this.running ??= this.work();
  }

  /** Looks at every account that can pay for something. */
  async sweep(now: EpochMicros, isStopped: () => boolean): Promise<number> {
    const createdAfter = now - this.maxAgeMicros;
    let paid = 0;
    for (let after = ""; !isStopped(); ) {
      const accountIds = await this.store.accountsAbleToPay(createdAfter, after, ACCOUNTS_AT_ONCE);
      paid += await this.payFor(accountIds, createdAfter);
      const last = accountIds.at(-1);
      if (accountIds.length < ACCOUNTS_AT_ONCE || last === undefined) break;
      after = last;
    }
    return paid;
  }

  /** Resolves when nobody told of is waiting any more. */
  async settled(): Promise<void> {
    await this.running;
  }

  /** Ends after the accounts that are being looked at. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async work(): Promise<void> {
    while (this.waiting.size > 0 && !this.isStopped) {
      const accountIds = [...this.waiting].slice(0, ACCOUNTS_AT_ONCE);
      for (const accountId of accountIds) this.waiting.delete(accountId);
      try {
        const createdAfter = BigInt(Date.now()) * 1_000n - this.maxAgeMicros;
        const able = await this.store.accountsAbleToPay(createdAfter, "", ACCOUNTS_AT_ONCE, accountIds);
        await this.payFor(able, createdAfter);
      } catch (error) {
        this.onError(error);
      }
    }
    this.running = undefined;
  }

  private async payFor(accountIds: readonly string[], createdAfter: EpochMicros): Promise<number> {
    const counts = await Promise.all(
      accountIds.map(async (accountId) => {
        let paid = 0;
        for (const role of ROLES) {
          paid += await this.payAs(role, accountId, createdAfter).catch((error: unknown) => {
            this.onError(error);
            return 0;
          });
        }
        return paid;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Oldest first, until one does not fit. @returns how many were paid */
  private async payAs(role: PayerRole, accountId: string, createdAfter: EpochMicros): Promise<number> {
    let paid = 0;
    for (let reads = 0; reads < MOST_READS; reads++) {
      const generationIds = await this.store.unpaidGenerations(accountId, role, createdAfter, GENERATIONS_AT_ONCE);
      for (const generationId of generationIds) {
        if (this.isStopped) return paid;
        const fits = await this.writer.submit(settleUnpaid({ generationId, transactionId: uuidv7() }));
        if (!fits) return paid;
        paid++;
      }
      if (generationIds.length < GENERATIONS_AT_ONCE) break;
    }
    return paid;
  }
}
