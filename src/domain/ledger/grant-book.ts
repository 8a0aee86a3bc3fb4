import { derivedUuid } from "../ids.js";
import { type EpochMicros, MICROS_PER_DAY } from "../time.js";
import { byBurnOrder, DEFAULT_GRANT_PRIORITY, isDue, planBurn } from "./grants.js";
import type { CreditCategory, Grant, GrantMovement } from "./rows.js";

/** Thrown, before anything has changed, when a debit needs more of an account's open grants than were loaded. */
export class MoreGrantsNeeded extends Error {
  constructor(readonly accountId: string) {
    super(`the open grants loaded of ${accountId} don't cover what is to be burned`);
  }
}

/** A grant to open. */
export interface NewGrant {
  readonly category: CreditCategory;
  readonly priority: number;
  readonly expireTime: EpochMicros | null;
}

/** The entry that opens a grant. */
export interface GrantOrigin {
  readonly transactionId: string;
  readonly accountVersion: bigint;
}

/** How long money lives that a refund would have put back into an expired grant (rules 5.3). */
const RESTORED_LIFE_MICROS = 7n * MICROS_PER_DAY;

/** The grants of the accounts in a batch: what is left of each, and what was done to them. */
export class GrantBook {
  private readonly byAccount = new Map<string, Grant[]>();
  private readonly opened = new Set<Grant>();
  private readonly changed = new Set<Grant>();

  /** Where reading an account's open grants stopped: what burns after this one may be preceded by grants that aren't here. */
  private readonly frontiers = new Map<string, Grant>();

  constructor(private readonly now: EpochMicros) {}

  /**
   * Adds loaded grants; those already here keep what was done to them.
   * @param limitPerAccount how many open grants of each account were read at most, in burn order; undefined if these weren't picked by burn order
   */
  add(grants: readonly Grant[], limitPerAccount?: number): void {
    const read = new Map<string, Grant[]>();
    for (const grant of grants) {
      const ofAccount = read.get(grant.accountId);
      if (!ofAccount) read.set(grant.accountId, [grant]);
      else if (!includes(ofAccount, grant)) ofAccount.push(grant);
    }
    for (const [accountId, rows] of read) {
      const known = this.of(accountId);
      for (const grant of rows) if (!includes(known, grant)) known.push(grant);
      known.sort(byBurnOrder);
      if (limitPerAccount === undefined) continue;
      const last = rows.sort(byBurnOrder)[limitPerAccount - 1];
      if (last) this.frontiers.set(accountId, last);
      else this.frontiers.delete(accountId);
    }
  }

  /** The grant that a transaction opened in an account. */
  openedBy(transactionId: string, accountId: string): Grant | undefined {
    return this.of(accountId).find((grant) => grant.transactionId === transactionId);
  }

  /**
   * What a debit would take from which grant.
   * @throws MoreGrantsNeeded
   */
  planBurn(accountId: string, amountUsdMicros: bigint): readonly GrantMovement[] {
    const frontier = this.frontiers.get(accountId);
    const grants = this.of(accountId);
    const certain = frontier ? grants.filter((grant) => byBurnOrder(grant, frontier) <= 0) : grants;
    const plan = planBurn(certain, amountUsdMicros);
    if (plan.uncoveredUsdMicros > 0n) throw new MoreGrantsNeeded(accountId);
    return plan.movements;
  }

  /** What has to leave an account because its time is up: at most what is available, the rest stays for the holds that cover it (rules 5.2). */
  planExpiry(accountId: string, availableUsdMicros: bigint): readonly GrantMovement[] {
    const due = this.of(accountId).filter((grant) => isDue(grant, this.now));
    const total = due.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
    return planBurn(due, availableUsdMicros < total ? availableUsdMicros : total).movements;
  }

  /** Takes money out of grants as planned. @returns how much of it was promotional */
  take(accountId: string, movements: readonly GrantMovement[]): bigint {
    let promotionalUsdMicros = 0n;
    for (const [grantId, amountUsdMicros] of movements) {
      const grant = this.of(accountId).find((candidate) => candidate.grantId === grantId);
      if (!grant) throw new Error(`grant ${grantId} of ${accountId} was not loaded`);
      grant.remainingUsdMicros += amountUsdMicros;
      if (grant.category === "PROMOTIONAL") promotionalUsdMicros -= amountUsdMicros;
      this.touch(grant);
    }
    return promotionalUsdMicros;
  }

  /** Puts money into a grant of its own, or into the account's rolling one. */
  put(accountId: string, amountUsdMicros: bigint, origin: GrantOrigin, opening: NewGrant | undefined): Grant {
    const rolling = opening ? undefined : this.of(accountId).find((grant) => grant.isRolling);
    const grant = rolling ?? this.open(accountId, origin, opening);
    grant.issuedUsdMicros += amountUsdMicros;
    grant.remainingUsdMicros += amountUsdMicros;
    this.touch(grant);
    return grant;
  }

  /**
   * Puts money back into the grants it came from; what belongs to an expired one becomes a new grant of its category, for a week.
   * @returns each grant with what it got
   */
  restore(accountId: string, movements: readonly GrantMovement[], origin: GrantOrigin): (readonly [Grant, bigint])[] {
    return movements.map(([grantId, amountUsdMicros]) => {
      const grant = this.of(accountId).find((candidate) => candidate.grantId === grantId);
      if (!grant) throw new Error(`grant ${grantId} of ${accountId} was not loaded`);
      if (grant.expireTime !== null && grant.expireTime <= this.now) {
        const opening = { ...grant, expireTime: this.now + RESTORED_LIFE_MICROS };
        const successor = this.open(accountId, origin, opening, grantId);
        successor.issuedUsdMicros = amountUsdMicros;
        successor.remainingUsdMicros = amountUsdMicros;
        return [successor, amountUsdMicros] as const;
      }
      grant.remainingUsdMicros += amountUsdMicros;
      this.touch(grant);
      return [grant, amountUsdMicros] as const;
    });
  }

  /** Earliest end among an account's loaded open grants that is due but had to stay, or null. */
  earliestOverdue(accountId: string): EpochMicros | null {
    const due = this.of(accountId).filter((grant) => isDue(grant, this.now));
    return due.reduce<EpochMicros | null>((earliest, grant) => earlier(earliest, grant.expireTime), null);
  }

  changes(): { readonly openedGrants: Grant[]; readonly changedGrants: Grant[] } {
    return { openedGrants: [...this.opened], changedGrants: [...this.changed] };
  }

  private open(accountId: string, origin: GrantOrigin, opening?: NewGrant, successorOf = ""): Grant {
    const grant: Grant = {
      grantId: derivedUuid(this.now, `grant\n${origin.transactionId}\n${accountId}\n${successorOf}`),
      accountId,
      category: opening?.category ?? "PAID",
      priority: opening?.priority ?? DEFAULT_GRANT_PRIORITY,
      expireTime: opening?.expireTime ?? null,
      isRolling: opening === undefined,
      issuedUsdMicros: 0n,
      remainingUsdMicros: 0n,
      createTime: this.now,
      ...origin,
    };
    this.opened.add(grant);
    const grants = this.of(accountId);
    grants.push(grant);
    grants.sort(byBurnOrder);
    return grant;
  }

  private of(accountId: string): Grant[] {
    let grants = this.byAccount.get(accountId);
    if (!grants) {
      grants = [];
      this.byAccount.set(accountId, grants);
    }
    return grants;
  }

  private touch(grant: Grant): void {
    if (!this.opened.has(grant)) this.changed.add(grant);
  }
}

function includes(grants: readonly Grant[], { grantId }: Grant): boolean {
  return grants.some((grant) => grant.grantId === grantId);
}

/** The earlier of two ends, null meaning never. */
export function earlier(a: EpochMicros | null, b: EpochMicros | null): EpochMicros | null {
  if (a === null) return b;
  if (b === null) return a;
  return a < b ? a : b;
}
