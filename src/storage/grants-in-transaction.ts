import type { Account, Grant } from "../domain/ledger/rows.js";
import { groupBy } from "./group.js";
import { copiesOf, type KnownAccount, type KnownGrants } from "./known-grants.js";
import type { BatchChanges } from "./store.js";

/** How grants are read where they aren't known: the first ones in burn order and the rolling one. */
type ReadGrants = (accountIds: readonly string[], limitPerAccount: number) => Promise<Grant[]>;

/** What a transaction has seen of one account. */
interface SeenAccount {
  /** Its head, once it is locked. */
  head: Uint8Array | undefined;
  /** Its grants, once they were handed out, if they are all there are. */
  all: Grant[] | undefined;
  wasAsked: boolean;
}

/** What one transaction has seen of grants and does to them, which nobody may rely on before its commit. */
export class GrantsInTransaction {
  private readonly seen = new Map<string, SeenAccount>();
  private saved: BatchChanges | undefined;
  private whenLocked: Promise<unknown> = Promise.resolve();

  constructor(private readonly known: KnownGrants) {}

  /** To be told of all accounts that the transaction locks, as soon as it asks for them. @returns the same accounts */
  locking(accounts: Promise<Account[]>): Promise<Account[]> {
    const locked = accounts.then((rows) => {
      for (const { accountId, chainHead } of rows) this.of(accountId).head = chainHead;
      return rows;
    });
    this.whenLocked = locked;
    return locked;
  }

  /**
   * Grants of accounts which the transaction locks, read only where they aren't known. What certainly has to be read doesn't wait for the locks.
   * @returns rows that nobody else has
   */
  async load(accountIds: readonly string[], limitPerAccount: number, read: ReadGrants): Promise<Grant[]> {
    const hoped: (readonly [accountId: string, known: KnownAccount])[] = [];
    const unknown: string[] = [];
    for (const accountId of accountIds) {
      const known = this.of(accountId).wasAsked ? undefined : this.known.get(accountId);
      if (known) hoped.push([accountId, known]);
      else unknown.push(accountId);
    }
    const [grants] = await Promise.all([this.read(unknown, limitPerAccount, read), this.whenLocked]);
    const outdated: string[] = [];
    for (const [accountId, known] of hoped) {
      const account = this.of(accountId);
      const found = account.head && copiesOf(known, account.head, limitPerAccount);
      if (!found) {
        outdated.push(accountId);
        continue;
      }
      account.all = found;
      account.wasAsked = true;
      grants.push(...found);
    }
    const newer = await this.read(outdated, limitPerAccount, read);
    // Another instance was there. In case it goes on, the next batch doesn't hope either.
    for (const accountId of outdated) {
      this.of(accountId).all = undefined;
      this.known.forget(accountId);
    }
    return [...grants, ...newer];
  }

  /** To be told of what is saved. */
  saving(changes: BatchChanges): void {
    this.saved = changes;
  }

  /** To be called once the transaction has been committed for certain. */
  committed(): void {
    if (!this.saved) return;
    const { openedAccounts, changedAccounts, openedGrants, changedGrants } = this.saved;
    for (const grant of openedGrants) this.keep(grant);
    for (const grant of changedGrants) this.keep(grant);
    for (const account of openedAccounts) this.know(account);
    for (const account of changedAccounts) this.know(account);
  }

  /** Puts a grant, as it was saved, among those of its account. */
  private keep(grant: Grant): void {
    const all = this.seen.get(grant.accountId)?.all;
    if (!all) {
      this.known.forget(grant.accountId);
      return;
    }
    const index = all.findIndex(({ grantId }) => grantId === grant.grantId);
    if (index < 0) all.push(grant);
    else all[index] = grant;
  }

  private know({ accountId, chainHead }: Account): void {
    const all = this.seen.get(accountId)?.all;
    if (!all) return;
    this.known.put(accountId, chainHead, all.every(isUsable) ? all : all.filter(isUsable));
  }

  private async read(accountIds: readonly string[], limitPerAccount: number, read: ReadGrants): Promise<Grant[]> {
    if (accountIds.length === 0) return [];
    const grants = await read(accountIds, limitPerAccount);
    const found = groupBy(grants, ({ accountId: owner }) => owner);
    for (const accountId of accountIds) {
      const ofAccount = found.get(accountId) ?? [];
      const account = this.of(accountId);
      // With as many as were asked for there may be more; and of what is asked for again, only the caller knows what it did to it meanwhile.
      account.all = ofAccount.length < limitPerAccount && !account.wasAsked ? ofAccount : undefined;
      account.wasAsked = true;
    }
    return grants;
  }

  private of(accountId: string): SeenAccount {
    let account = this.seen.get(accountId);
    if (!account) {
      account = { head: undefined, all: undefined, wasAsked: false };
      this.seen.set(accountId, account);
    }
    return account;
  }
}

function isUsable({ remainingUsdMicros, isRolling }: Grant): boolean {
  return remainingUsdMicros > 0n || isRolling;
}
