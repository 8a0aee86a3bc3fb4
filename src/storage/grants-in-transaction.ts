import type { Account, Grant } from "../domain/ledger/rows.js";
import { groupBy } from "./group.js";
import { areFree, type KnownAccount, type KnownGrants, textOfHead } from "./known-grants.js";
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
  /** Where its grants were known: what they were lent from. */
  lender: KnownAccount | undefined;
}

/** What one transaction has seen of grants and does to them, which nobody may rely on before its commit. */
export class GrantsInTransaction {
  private readonly seen = new Map<string, SeenAccount>();
  private saved: BatchChanges | undefined;

  constructor(private readonly known: KnownGrants) {}

  /** To be told of every account that the transaction has locked. */
  locked(accounts: readonly Account[]): void {
    for (const { accountId, chainHead } of accounts) this.of(accountId).head = chainHead;
  }

  /**
   * Grants of accounts, read only where they aren't known.
   * @param whenLocked resolves once `locked` was told of these accounts. What certainly has to be read doesn't wait for it
   * @returns rows that nobody else has, until `committed` or `failed` is called
   */
  async load(
    accountIds: readonly string[],
    limitPerAccount: number,
    whenLocked: Promise<unknown>,
    read: ReadGrants,
  ): Promise<Grant[]> {
    const hoped: (readonly [accountId: string, known: KnownAccount])[] = [];
    const unknown: string[] = [];
    for (const accountId of accountIds) {
      const known = this.of(accountId).wasAsked ? undefined : this.known.get(accountId);
      if (known) hoped.push([accountId, known]);
      else unknown.push(accountId);
    }
    const [grants] = await Promise.all([this.read(unknown, limitPerAccount, read), whenLocked]);
    const outdated: string[] = [];
    for (const [accountId, known] of hoped) {
      const account = this.of(accountId);
      if (!account.head || known.grants.length >= limitPerAccount || !areFree(known, account.head)) {
        outdated.push(accountId);
        continue;
      }
      known.isLent = true;
      account.lender = known;
      account.all = known.grants;
      account.wasAsked = true;
      grants.push(...known.grants);
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
    if (this.saved) {
      const { openedAccounts, changedAccounts, openedGrants, changedGrants } = this.saved;
      for (const grant of openedGrants) this.keep(grant);
      for (const grant of changedGrants) this.keep(grant);
      for (const account of openedAccounts) this.know(account);
      for (const account of changedAccounts) this.know(account);
    }
    for (const { lender } of this.seen.values()) if (lender) lender.isLent = false;
  }

  /** To be called if it wasn't, or nobody knows: what it had in hand may have been changed. */
  failed(): void {
    for (const [accountId, { lender }] of this.seen) {
      if (lender && this.known.get(accountId) === lender) this.known.forget(accountId);
    }
  }

  /** Sees to it that a grant that was saved is among those of its account. Nearly always it is the very one that was handed out. */
  private keep(grant: Grant): void {
    const account = this.seen.get(grant.accountId);
    if (!account?.all) {
      this.known.forget(grant.accountId);
      return;
    }
    if (account.all.includes(grant)) return;
    const others = account.all.filter(({ grantId }) => grantId !== grant.grantId);
    account.all = [...others, grant];
  }

  private know({ accountId, chainHead }: Account): void {
    const account = this.seen.get(accountId);
    if (!account?.all) return;
    const { all, lender } = account;
    const areUsable = all.every(isUsable);
    // Objects put in the place of others would outlive a collection or two, and those before would have to be collected among what is old.
    if (areUsable && lender?.grants === all) lender.chainHead = textOfHead(chainHead);
    else this.known.put(accountId, chainHead, areUsable ? all : all.filter(isUsable));
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
      account = { head: undefined, all: undefined, wasAsked: false, lender: undefined };
      this.seen.set(accountId, account);
    }
    return account;
  }
}

function isUsable({ remainingUsdMicros, isRolling }: Grant): boolean {
  return remainingUsdMicros > 0n || isRolling;
}
