import { isPlatformAccount, type PlatformAccountId, stripeOf } from "../accounts.js";
import { TollgateError } from "../errors.js";
import { MAX_BALANCE_USD_MICROS } from "../money.js";
import type { EpochMicros } from "../time.js";
import { CHAIN_START, digestOfDetails, entryHash } from "./chain.js";
import { type BurnPlan, byBurnOrder, DEFAULT_GRANT_PRIORITY, grantIdFor, planBurn } from "./grants.js";
import type {
  Account,
  CreditCategory,
  EntryRow,
  Grant,
  GrantMovement,
  TransactionRow,
  TransactionType,
  TransactionWithEntries,
} from "./rows.js";

/** One side of a transaction to post. */
export interface Line {
  /** Plain name, also for platform accounts: the books pick the stripe. At most one line an account. */
  readonly accountId: string;
  /** Signed, not 0: negative takes money out. */
  readonly amountUsdMicros: bigint;
  /** For money that arrives as a grant of its own. Without it, it goes into the account's rolling grant. */
  readonly grant?: { readonly category: CreditCategory; readonly priority: number };
}

/** A transaction to post; its lines sum to zero. */
export interface Draft {
  readonly transactionId: string;
  readonly type: TransactionType;
  readonly toolId?: string;
  readonly generationId?: string;
  readonly externalReference?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly caller: string;
  readonly requestId?: string;
  readonly lines: readonly Line[];
}

/** Thrown, before anything has changed, when a debit needs more of an account's open grants than were loaded. */
export class MoreGrantsNeeded extends Error {
  constructor(readonly accountId: string) {
    super(`the open grants loaded of ${accountId} don't cover what is to be burned`);
  }
}

/** Thrown, before anything has changed, when a command needs an account that its batch didn't load: it goes into the next batch. */
export class NotInBatch extends Error {
  constructor(readonly accountId: string) {
    super(`account ${accountId} was not loaded for this batch`);
  }
}

/** What posting has changed or added since loading. */
export interface BookChanges {
  readonly openedAccounts: Account[];
  readonly changedAccounts: Account[];
  readonly openedGrants: Grant[];
  readonly changedGrants: Grant[];
  readonly transactions: TransactionRow[];
  readonly entries: EntryRow[];
}

/** Row name of an account in a batch that posts to this stripe of the platform accounts. */
export function storedIdInBatch(accountId: string, stripe: number): string {
  return isPlatformAccount(accountId) ? stripeOf(accountId as PlatformAccountId, stripe) : accountId;
}

/** Accounts and their open grants in memory: loaded under lock, changed by posting, read back by the save. No I/O. */
export class Books {
  private readonly accounts = new Map<string, Account>();
  private readonly grants = new Map<string, Grant[]>();
  private readonly touched = { openedAccounts: new Set<Account>(), changedAccounts: new Set<Account>() };
  private readonly touchedGrants = { opened: new Set<Grant>(), changed: new Set<Grant>() };
  private readonly transactions: TransactionRow[] = [];
  private readonly entries: EntryRow[] = [];

  /**
   * @param stripe which stripe of every platform account this batch posts to, 0 to 15
   * @param asked stored ids of all the accounts that were looked up, found or not
   */
  constructor(
    readonly now: EpochMicros,
    private readonly stripe: number,
    private readonly asked: ReadonlySet<string>,
    accounts: readonly Account[],
    grants: readonly Grant[],
  ) {
    for (const account of accounts) this.accounts.set(account.accountId, account);
    this.addGrants(grants);
  }

  /** Adds loaded grants; those already here keep what posting did to them. */
  addGrants(grants: readonly Grant[]): void {
    for (const grant of grants) {
      const known = this.grantsOf(grant.accountId);
      if (!known.some((other) => other.grantId === grant.grantId)) known.push(grant);
    }
    for (const accountId of new Set(grants.map((grant) => grant.accountId))) this.grantsOf(accountId).sort(byBurnOrder);
  }

  /**
   * The account as it stands, or undefined if it has never had an entry.
   * @throws NotInBatch
   */
  find(accountId: string): Account | undefined {
    const storedId = storedIdInBatch(accountId, this.stripe);
    if (!this.asked.has(storedId)) throw new NotInBatch(accountId);
    return this.accounts.get(storedId);
  }

  /** What a debit can take, micro-USD; 0 for an unknown account. */
  available(accountId: string): bigint {
    const account = this.find(accountId);
    return account ? account.balanceUsdMicros - account.heldUsdMicros : 0n;
  }

  /** The grant that a transaction opened in an account. */
  grantOpenedBy(transactionId: string, accountId: string): Grant | undefined {
    return this.grants.get(accountId)?.find((grant) => grant.transactionId === transactionId);
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

    const transaction = this.transactionRow(draft);
    this.transactions.push(transaction);
    const entries = draft.lines.map((line, position) => this.postLine(transaction, line, position, burns[position]));
    return { transaction, entries };
  }

  changes(): BookChanges {
    const { openedAccounts, changedAccounts } = this.touched;
    const { opened, changed } = this.touchedGrants;
    return {
      openedAccounts: [...openedAccounts],
      changedAccounts: [...changedAccounts],
      openedGrants: [...opened],
      changedGrants: [...changed],
      transactions: this.transactions,
      entries: this.entries,
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

  private planLine(line: Line): BurnPlan | undefined {
    if (line.amountUsdMicros > 0n || isPlatformAccount(line.accountId)) return undefined;
    const plan = planBurn(this.grantsOf(line.accountId), -line.amountUsdMicros);
    if (plan.uncoveredUsdMicros > 0n) throw new MoreGrantsNeeded(line.accountId);
    return plan;
  }

  private postLine(transaction: TransactionRow, line: Line, position: number, burn: BurnPlan | undefined): EntryRow {
    const account = this.accountForPosting(line.accountId);
    const grantMovements = burn
      ? this.burn(account, burn)
      : isPlatformAccount(line.accountId)
        ? []
        : [this.grant(account, transaction.transactionId, line)];
    account.balanceUsdMicros += line.amountUsdMicros;
    account.version += 1n;
    account.updateTime = this.now;
    const unhashed = {
      transactionId: transaction.transactionId,
      position,
      accountId: account.accountId,
      accountVersion: account.version,
      amountUsdMicros: line.amountUsdMicros,
      balanceAfterUsdMicros: account.balanceUsdMicros,
      grantMovements,
    };
    const entry: EntryRow = { ...unhashed, hash: entryHash(account.chainHead, transaction, unhashed) };
    account.chainHead = entry.hash;
    this.entries.push(entry);
    return entry;
  }

  private burn(account: Account, plan: BurnPlan): readonly GrantMovement[] {
    const grants = this.grantsOf(account.accountId);
    for (const [grantId, amountUsdMicros] of plan.movements) {
      const grant = grants.find((candidate) => candidate.grantId === grantId) as Grant;
      grant.remainingUsdMicros += amountUsdMicros;
      this.touchGrant(grant);
    }
    account.promotionalUsdMicros -= plan.promotionalUsdMicros;
    return plan.movements;
  }

  private grant(account: Account, transactionId: string, line: Line): GrantMovement {
    const grants = this.grantsOf(account.accountId);
    const rolling = line.grant ? undefined : grants.find((grant) => grant.isRolling);
    const grant = rolling ?? {
      grantId: grantIdFor(transactionId, account.accountId),
      accountId: account.accountId,
      category: line.grant?.category ?? "PAID",
      priority: line.grant?.priority ?? DEFAULT_GRANT_PRIORITY,
      isRolling: line.grant === undefined,
      issuedUsdMicros: 0n,
      remainingUsdMicros: 0n,
      transactionId,
      createTime: this.now,
    };
    if (!rolling) {
      this.touchedGrants.opened.add(grant);
      grants.push(grant);
      grants.sort(byBurnOrder);
    }
    grant.issuedUsdMicros += line.amountUsdMicros;
    grant.remainingUsdMicros += line.amountUsdMicros;
    if (grant.category === "PROMOTIONAL") account.promotionalUsdMicros += line.amountUsdMicros;
    this.touchGrant(grant);
    return [grant.grantId, line.amountUsdMicros];
  }

  private accountForPosting(accountId: string): Account {
    const known = this.find(accountId);
    if (known) {
      if (!this.touched.openedAccounts.has(known)) this.touched.changedAccounts.add(known);
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
      createTime: this.now,
      updateTime: this.now,
    };
    this.accounts.set(storedId, opened);
    this.touched.openedAccounts.add(opened);
    return opened;
  }

  private transactionRow(draft: Draft): TransactionRow {
    const description = draft.description ?? "";
    const metadata = draft.metadata ?? {};
    return {
      transactionId: draft.transactionId,
      type: draft.type,
      toolId: draft.toolId ?? "",
      generationId: draft.generationId ?? "",
      externalReference: draft.externalReference ?? "",
      description,
      metadata,
      detailsDigest: digestOfDetails(description, metadata),
      caller: draft.caller,
      requestId: draft.requestId ?? "",
      createTime: this.now,
    };
  }

  private grantsOf(accountId: string): Grant[] {
    let grants = this.grants.get(accountId);
    if (!grants) {
      grants = [];
      this.grants.set(accountId, grants);
    }
    return grants;
  }

  private touchGrant(grant: Grant): void {
    if (!this.touchedGrants.opened.has(grant)) this.touchedGrants.changed.add(grant);
  }
}
