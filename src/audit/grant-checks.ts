import { isPlatformAccount } from "../domain/accounts.js";
import type { Account, EntryRow } from "../domain/ledger/rows.js";
import type { AuditedGrant } from "../storage/store.js";
import { type Finding, finding } from "./violations.js";

interface Moved {
  /** Of the first entry that moved this grant. */
  readonly transactionId: string;
  readonly beganWithUsdMicros: bigint;
  remainingUsdMicros: bigint;
  receivedUsdMicros: bigint;
}

/**
 * Checks one account's grants against what its entries moved in them (rules 8.5): first every entry, then every grant, then the account. No I/O.
 * Holds a few numbers for each grant of the account.
 */
export class GrantTally {
  private readonly moved = new Map<string, Moved>();
  private remainingUsdMicros = 0n;
  private promotionalUsdMicros = 0n;

  constructor(private readonly accountId: string) {}

  *follow(entry: EntryRow): Generator<Finding> {
    let sumUsdMicros = 0n;
    for (const [grantId, amountUsdMicros] of entry.grantMovements) {
      sumUsdMicros += amountUsdMicros;
      this.move(grantId, amountUsdMicros, entry.transactionId);
    }
    const isPlatform = isPlatformAccount(this.accountId);
    if (isPlatform ? entry.grantMovements.length > 0 : sumUsdMicros !== entry.amountUsdMicros) {
      const row = `account ${this.accountId} entry ${entry.accountVersion}`;
      const expected = isPlatform ? "none" : entry.amountUsdMicros;
      yield finding("movements-sum-to-amount", row, `moves ${sumUsdMicros} in grants instead of ${expected}`);
    }
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
    // For refunds: what comes back is positive too, but not issued again.
    if (grant.issuedUsdMicros !== received) {
      yield finding("grant-issued-is-received", row, `issued ${grant.issuedUsdMicros}, received ${received}`);
    }
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
    this.remainingUsdMicros += grant.remainingUsdMicros;
    if (grant.category === "PROMOTIONAL") this.promotionalUsdMicros += grant.remainingUsdMicros;
  }

  *close(account: Account): Generator<Finding> {
    for (const [grantId, { transactionId }] of this.moved) {
      const row = `account ${this.accountId} grant ${grantId}`;
      yield finding("movement-has-grant", row, `is missing, transaction ${transactionId} moves money in it`);
    }
    const row = `account ${this.accountId}`;
    const { balanceUsdMicros, promotionalUsdMicros } = account;
    if (!isPlatformAccount(this.accountId) && this.remainingUsdMicros !== balanceUsdMicros) {
      const detail = `has ${balanceUsdMicros}, its grants sum to ${this.remainingUsdMicros}`;
      yield finding("grants-sum-to-balance", row, detail);
    }
    if (this.promotionalUsdMicros !== promotionalUsdMicros) {
      const detail = `has ${promotionalUsdMicros} promotional, its grants sum to ${this.promotionalUsdMicros}`;
      yield finding("promotional-is-sum-of-grants", row, detail);
    }
  }

  private move(grantId: string, amountUsdMicros: bigint, transactionId: string): void {
    const receivedUsdMicros = amountUsdMicros > 0n ? amountUsdMicros : 0n;
    const known = this.moved.get(grantId);
    if (known) {
      known.remainingUsdMicros += amountUsdMicros;
      known.receivedUsdMicros += receivedUsdMicros;
    } else {
      const opening = { transactionId, beganWithUsdMicros: amountUsdMicros };
      this.moved.set(grantId, { ...opening, remainingUsdMicros: amountUsdMicros, receivedUsdMicros });
    }
  }
}
