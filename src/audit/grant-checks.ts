import { isPlatformAccount } from "../domain/accounts.js";
import type { Account, ChainedTransaction, EntryRow } from "../domain/ledger/rows.js";
import type { EpochMicros } from "../domain/time.js";
import type { AuditedGrant } from "../storage/audit-store.js";
import { GrantSums } from "./grant-sums.js";
import { type Finding, finding, NOTHING } from "./violations.js";

interface Moved {
  /** Of the first entry that moved this grant. */
  readonly transactionId: string;
  readonly beganWithUsdMicros: bigint;
  remainingUsdMicros: bigint;
  receivedUsdMicros: bigint;
  /** Of the first expiry that took from it. */
  expiredAt: EpochMicros | undefined;
}

type MovingEntry = Pick<EntryRow, "transactionId" | "accountVersion" | "amountUsdMicros" | "grantMovements">;
type MovingTransaction = Pick<ChainedTransaction, "type" | "createTime">;

/**
 * Checks one account's grants against what its entries moved in them (rules 8.5): first every entry, then every grant, then the account. No I/O.
 * Holds a few numbers for each grant of the account.
 */
export class GrantTally {
  private readonly moved = new Map<string, Moved>();
  private readonly sums = new GrantSums();

  private readonly isPlatform: boolean;

  constructor(private readonly accountId: string) {
    this.isPlatform = isPlatformAccount(accountId);
  }

  /** @param transaction null if there is none */
  follow(entry: MovingEntry, transaction: MovingTransaction | null): readonly Finding[] {
    let sumUsdMicros = 0n;
    for (const [grantId, amountUsdMicros] of entry.grantMovements) {
      sumUsdMicros += amountUsdMicros;
      this.move(grantId, amountUsdMicros, entry.transactionId, transaction);
    }
    const isRight = this.isPlatform ? entry.grantMovements.length === 0 : sumUsdMicros === entry.amountUsdMicros;
    if (isRight) return NOTHING;
    const row = `account ${this.accountId} entry ${entry.accountVersion}`;
    const expected = this.isPlatform ? "none" : entry.amountUsdMicros;
    return [finding("movements-sum-to-amount", row, `moves ${sumUsdMicros} in grants instead of ${expected}`)];
  }

  *compare(grant: AuditedGrant): Generator<Finding> {
    const row = `account ${this.accountId} grant ${grant.grantId}`;
    const moved = this.moved.get(grant.grantId);
    this.moved.delete(grant.grantId);
    const remaining = moved?.remainingUsdMicros ?? 0n;
    const received = moved?.receivedUsdMicros ?? 0n;
    if (grant.remainingUsdMicros !== remaining) {
      const detail = `has ${grant.remainingUsdMicros} left, its movements sum to ${remaining}`;
      yield finding("grant-remaining-is-moved", row, detail);
    }
    if (grant.issuedUsdMicros !== received) {
      yield finding("grant-issued-is-received", row, `issued ${grant.issuedUsdMicros}, received ${received}`);
    }
    if (grant.remainingUsdMicros > grant.issuedUsdMicros) {
      const detail = `has ${grant.remainingUsdMicros} left of ${grant.issuedUsdMicros}`;
      yield finding("grant-within-issued", row, detail);
    }
    yield* checkExpiry(row, grant, moved?.expiredAt);
    if (grant.remainingUsdMicros < 0n) {
      yield finding("grant-not-below-zero", row, `has ${grant.remainingUsdMicros} left`);
    }
    if (grant.isOpen !== grant.remainingUsdMicros > 0n) {
      const detail = `is ${grant.isOpen ? "open" : "closed"} with ${grant.remainingUsdMicros} left`;
      yield finding("grant-open-while-it-lasts", row, detail);
    }
    if (moved?.transactionId !== grant.transactionId || moved.beganWithUsdMicros <= 0n) {
      const detail = `transaction ${grant.transactionId} didn't bring the first money into it`;
      yield finding("grant-has-opening-transaction", row, detail);
    }
    this.sums.add(grant);
  }

  *close(account: Account): Generator<Finding> {
    for (const [grantId, { transactionId }] of this.moved) {
      const row = `account ${this.accountId} grant ${grantId}`;
      yield finding("movement-has-grant", row, `is missing, transaction ${transactionId} moves money in it`);
    }
    yield* this.sums.close(account);
  }

  private move(
    grantId: string,
    amountUsdMicros: bigint,
    transactionId: string,
    transaction: MovingTransaction | null,
  ): void {
    const known = this.moved.get(grantId);
    const moved = known ?? {
      ...{ transactionId, beganWithUsdMicros: amountUsdMicros },
      ...{ remainingUsdMicros: 0n, receivedUsdMicros: 0n, expiredAt: undefined },
    };
    if (!known) this.moved.set(grantId, moved);
    moved.remainingUsdMicros += amountUsdMicros;
    // What a refund puts back into a grant was issued when it first came.
    const isRestored = known !== undefined && transaction?.type === "REFUND";
    if (amountUsdMicros > 0n && !isRestored) moved.receivedUsdMicros += amountUsdMicros;
    if (amountUsdMicros < 0n && transaction?.type === "GRANT_EXPIRY") moved.expiredAt ??= transaction.createTime;
  }
}

function* checkExpiry(row: string, { expireTime }: AuditedGrant, expiredAt: EpochMicros | undefined) {
  if (expiredAt === undefined || (expireTime !== null && expireTime <= expiredAt)) return;
  const detail = `expired at ${expiredAt}, its time is up ${expireTime === null ? "never" : `at ${expireTime}`}`;
  yield finding("expiry-takes-ended-grants", row, detail);
}
