import { isPlatformAccount, type PlatformAccountId, stripeOf } from "../accounts.js";
import { TollgateError } from "../errors.js";
import { derivedUuid } from "../ids.js";
import { MAX_BALANCE_USD_MICROS } from "../money.js";
import type { EpochMicros } from "../time.js";
import { CHAIN_START, entryHashIn, type HashedTransaction, hashedTransaction } from "./chain.js";
import { type Draft, type Line, transactionOf } from "./draft.js";
import { earlier, GrantBook, type GrantOrigin } from "./grant-book.js";
import type {
  Account,
  EntryRow,
  Grant,
  GrantMovement,
  Hold,
  HoldState,
  TransactionRow,
  TransactionWithEntries,
} from "./rows.js";

/** Thrown, before anything has changed, when a command needs an account that its batch didn't load: it goes into the next batch. */
export class NotInBatch extends Error {
  constructor(readonly accountId: string) {
    super(`account ${accountId} was not loaded for this batch`);
  }
}

/** Who posts what a rule does by itself. */
export const OWN_CALLER = "sys:tollgate";

/** What posting has changed or added since loading. */
export interface BookChanges {
  readonly openedAccounts: Account[];
  readonly changedAccounts: Account[];
  readonly openedGrants: Grant[];
  readonly changedGrants: Grant[];
  readonly openedHolds: Hold[];
  readonly changedHolds: Hold[];
  readonly transactions: TransactionRow[];
  readonly entries: EntryRow[];
}

/** What was loaded of the accounts of a batch, under their locks. */
export interface LoadedBooks {
  /** Stored ids of all the accounts that were looked up, found or not. */
  readonly asked: ReadonlySet<string>;
  readonly accounts: readonly Account[];
  /** The first open grants of each account in burn order, at most `openGrantsPerAccount`, and its rolling grant. */
  readonly openGrants: readonly Grant[];
  readonly openGrantsPerAccount: number;
  /** Grants picked for another reason: they are due, or a refund puts money back into them. */
  readonly namedGrants: readonly Grant[];
  readonly holds: readonly Hold[];
}

/** Row name of an account in a batch that posts to this stripe of the platform accounts. */
export function storedIdInBatch(accountId: string, stripe: number): string {
  return isPlatformAccount(accountId) ? stripeOf(accountId as PlatformAccountId, stripe) : accountId;
}

/** Accounts, their open grants and their holds in memory: loaded under lock, changed by posting, read back by the save. No I/O. */
export class Books {
  readonly grants: GrantBook;
  private readonly asked: ReadonlySet<string>;
  private readonly accounts = new Map<string, Account>();
  private readonly holds = new Map<string, Hold>();
  /** Accounts in which something was due when they were loaded. */
  private readonly withDue = new Set<string>();
  private readonly opened = { accounts: new Set<Account>(), holds: new Set<Hold>() };
  private readonly changed = { accounts: new Set<Account>(), holds: new Set<Hold>() };
  private readonly transactions: TransactionRow[] = [];
  private readonly entries: EntryRow[] = [];

  /** @param stripe which stripe of every platform account this batch posts to, 0 to 15 */
  constructor(
    readonly now: EpochMicros,
    private readonly stripe: number,
    loaded: LoadedBooks,
  ) {
    this.asked = loaded.asked;
    this.grants = new GrantBook(now);
    this.grants.add(loaded.openGrants, loaded.openGrantsPerAccount);
    this.grants.add(loaded.namedGrants);
    for (const account of loaded.accounts) this.accounts.set(account.accountId, account);
    for (const hold of loaded.holds) this.holds.set(hold.holdId, hold);
  }

  /**
   * Writes everything of an account that is due: holds end, grants expire. Called as soon as an account is loaded.
   * @param nextExpiryTime the first thing of the account that isn't due yet, null if nothing
   */
  settleDue(accountId: string, nextExpiryTime: EpochMicros | null): void {
    const account = this.find(accountId);
    if (!account) return;
    this.withDue.add(accountId);
    for (const hold of this.holds.values()) {
      const isOver = hold.expireTime !== null && hold.expireTime <= this.now;
      if (hold.accountId === accountId && hold.state === "ACTIVE" && isOver) this.endHold(hold, "EXPIRED");
    }
    account.nextExpiryTime = nextExpiryTime;
    this.expireGrants(accountId);
    account.nextExpiryTime = earlier(account.nextExpiryTime, this.grants.earliestOverdue(accountId));
    this.touch(account);
  }

  /**
   * The account as it stands, or undefined if it has never had an entry.
   * @throws NotInBatch
   */
  find(accountId: string): Account | undefined {
    const storedId = storedIdInBatch(accountId, this.stripe);
    const account = this.accounts.get(storedId);
    if (!account && !this.asked.has(storedId)) throw new NotInBatch(accountId);
    return account;
  }

  /** What a debit can take, micro-USD; 0 for an unknown account. */
  available(accountId: string): bigint {
    const account = this.find(accountId);
    return account ? account.balanceUsdMicros - account.heldUsdMicros : 0n;
  }

  /** The account as an answer shows it after a command: with what fell due by it written, and no longer changing. */
  snapshot(accountId: string): Account {
    this.expireGrants(accountId);
    return { ...(this.find(accountId) as Account) };
  }

  /** A loaded or newly placed hold. */
  hold(holdId: string): Hold | undefined {
    return this.holds.get(holdId);
  }

  /** Sets money aside. The caller has checked that it is available. */
  placeHold(hold: Hold): void {
    const account = this.find(hold.accountId) as Account;
    account.heldUsdMicros += hold.amountUsdMicros;
    account.nextExpiryTime = earlier(account.nextExpiryTime, hold.expireTime);
    account.updateTime = this.now;
    this.touch(account);
    this.holds.set(hold.holdId, hold);
    this.opened.holds.add(hold);
  }

  /** Ends an active hold: its money is available again, so whoever captures it posts the debit next. */
  endHold(hold: Hold, state: Exclude<HoldState, "ACTIVE">, capturedUsdMicros = 0n): void {
    const account = this.find(hold.accountId) as Account;
    account.heldUsdMicros -= hold.amountUsdMicros;
    account.updateTime = this.now;
    this.touch(account);
    hold.state = state;
    hold.capturedUsdMicros = capturedUsdMicros;
    if (!this.opened.holds.has(hold)) this.changed.holds.add(hold);
  }

  /**
   * Posts a transaction: an entry, a chained hash and grant movements for each line.
   * All checks come before the first change. The caller has checked that what is taken is available.
   * @throws TollgateError AMOUNT_OUT_OF_RANGE if a balance would pass ±(2^53 − 1); MoreGrantsNeeded; NotInBatch
   */
  post(draft: Draft): TransactionWithEntries {
    if (draft.lines.reduce((sum, line) => sum + line.amountUsdMicros, 0n) !== 0n) {
      throw new Error(`lines of ${draft.type} ${draft.transactionId} don't sum to zero`);
    }
    for (const line of draft.lines) this.checkLimit(line);
    const burns = draft.lines.map((line) => this.planLine(line));

    const transaction = transactionOf(draft, this.now);
    this.transactions.push(transaction);
    const hashed = hashedTransaction(transaction);
    const entries = draft.lines.map((line, position) =>
      this.postLine(transaction, hashed, line, position, burns[position]),
    );
    return { transaction, entries };
  }

  /** Lets go of grants whose time is up, as far as no hold covers them. Needed whenever something may have become available. */
  expireGrants(accountId: string): void {
    const movements = this.grants.planExpiry(accountId, this.available(accountId));
    if (movements.length === 0) return;
    const account = this.find(accountId) as Account;
    const amountUsdMicros = -movements.reduce((sum, [, amount]) => sum + amount, 0n);
    this.post({
      transactionId: derivedUuid(this.now, `expiry\n${accountId}\n${account.version}`),
      type: "GRANT_EXPIRY",
      caller: OWN_CALLER,
      lines: [
        { accountId, amountUsdMicros: -amountUsdMicros, grants: { kind: "takes", movements } },
        { accountId: "sys:breakage", amountUsdMicros },
      ],
    });
  }

  /** Does `expireGrants` wherever something was due when it was loaded: a command may have ended the hold that covered it. Called after each command. */
  expireOverdue(): void {
    for (const accountId of this.withDue) this.expireGrants(accountId);
  }

  changes(): BookChanges {
    return {
      openedAccounts: [...this.opened.accounts],
      changedAccounts: [...this.changed.accounts],
      openedHolds: [...this.opened.holds],
      changedHolds: [...this.changed.holds],
      transactions: this.transactions,
      entries: this.entries,
      ...this.grants.changes(),
    };
  }

  private checkLimit(line: Line): void {
    const after = (this.find(line.accountId)?.balanceUsdMicros ?? 0n) + line.amountUsdMicros;
    if (after > MAX_BALANCE_USD_MICROS || after < -MAX_BALANCE_USD_MICROS) {
      throw TollgateError.of("AMOUNT_OUT_OF_RANGE", {
        amount_usd_micros: after,
        limit_usd_micros: MAX_BALANCE_USD_MICROS,
      });
    }
  }

  /** What a line takes from which grants; nothing for money that arrives. */
  private planLine({ accountId, amountUsdMicros, grants }: Line): readonly GrantMovement[] {
    if (amountUsdMicros > 0n || isPlatformAccount(accountId)) return [];
    return grants?.kind === "takes" ? grants.movements : this.grants.planBurn(accountId, -amountUsdMicros);
  }

  private postLine(
    transaction: TransactionRow,
    hashed: HashedTransaction,
    line: Line,
    position: number,
    burn: readonly GrantMovement[] = [],
  ): EntryRow {
    const account = this.accountForPosting(line.accountId);
    account.version += 1n;
    const origin = { transactionId: transaction.transactionId, accountVersion: account.version };
    const grantMovements = this.moveGrants(account, origin, line, burn);
    account.balanceUsdMicros += line.amountUsdMicros;
    account.updateTime = this.now;
    const entry = {
      transactionId: transaction.transactionId,
      position,
      accountId: account.accountId,
      accountVersion: account.version,
      amountUsdMicros: line.amountUsdMicros,
      balanceAfterUsdMicros: account.balanceUsdMicros,
      grantMovements,
      hash: CHAIN_START,
    };
    entry.hash = entryHashIn(hashed, account.chainHead, entry);
    account.chainHead = entry.hash;
    this.entries.push(entry);
    return entry;
  }

  private moveGrants(
    account: Account,
    origin: GrantOrigin,
    { amountUsdMicros, grants }: Line,
    burn: readonly GrantMovement[],
  ): readonly GrantMovement[] {
    const { accountId } = account;
    if (isPlatformAccount(accountId)) return [];
    if (amountUsdMicros < 0n) {
      account.promotionalUsdMicros -= this.grants.take(accountId, burn);
      return burn;
    }
    const opening = grants?.kind === "opens" ? grants.grant : undefined;
    const filled =
      grants?.kind === "restores"
        ? this.grants.restore(accountId, grants.movements, origin)
        : [[this.grants.put(accountId, amountUsdMicros, origin, opening), amountUsdMicros] as const];
    for (const [grant, amount] of filled) {
      if (grant.category === "PROMOTIONAL") account.promotionalUsdMicros += amount;
      account.nextExpiryTime = earlier(account.nextExpiryTime, grant.expireTime);
    }
    return filled.map(([grant, amount]) => [grant.grantId, amount] as const);
  }

  private accountForPosting(accountId: string): Account {
    const known = this.find(accountId);
    if (known) {
      this.touch(known);
      return known;
    }
    const storedId = storedIdInBatch(accountId, this.stripe);
    const opened: Account = {
      accountId: storedId,
      balanceUsdMicros: 0n,
      heldUsdMicros: 0n,
      promotionalUsdMicros: 0n,
      version: 0n,
      chainHead: CHAIN_START,
      nextExpiryTime: null,
      createTime: this.now,
      updateTime: this.now,
    };
    this.accounts.set(storedId, opened);
    this.opened.accounts.add(opened);
    return opened;
  }

  private touch(account: Account): void {
    if (!this.opened.accounts.has(account)) this.changed.accounts.add(account);
  }
}
