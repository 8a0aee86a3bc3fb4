import type { Account, Grant } from "../domain/ledger/rows.js";
import { groupBy } from "./group.js";
import type { KnownGrants } from "./known-grants.js";
import type { BatchChanges } from "./store.js";

/** How grants are read where they aren't known: the first ones in burn order and the rolling one. */
type ReadGrants = (accountIds: readonly string[], limitPerAccount: number) => Promise<Grant[]>;

/** What one transaction has seen of grants and does to them, which nobody may rely on before its commit. */
export class GrantsInTransaction {
  /** Heads of the accounts that are locked. */
  private readonly heads = new Map<string, Uint8Array>();
  private readonly asked = new Set<string>();
  /** Grants of each account of which all were handed out. */
  private readonly complete = new Map<string, Grant[]>();
  private saved: BatchChanges | undefined;

  constructor(private readonly known: KnownGrants) {}

  /** To be told of every account that the transaction has locked. */
  locked(accounts: readonly Account[]): void {
    for (const { accountId, chainHead } of accounts) this.heads.set(accountId, chainHead);
  }

  /**
   * Grants of accounts, read only where they aren't known.
   * @param whenLocked resolves once `locked` was told of these accounts. What certainly has to be read doesn't wait for it
   * @returns rows that nobody else has
   */
  async load(
    accountIds: readonly string[],
    limitPerAccount: number,
    whenLocked: Promise<unknown>,
    read: ReadGrants,
  ): Promise<Grant[]> {
    const hoped: string[] = [];
    const unknown: string[] = [];
    for (const accountId of accountIds) {
      const isHoped = this.known.get(accountId) !== undefined && !this.asked.has(accountId);
      (isHoped ? hoped : unknown).push(accountId);
    }
    const [grants] = await Promise.all([this.read(unknown, limitPerAccount, read), whenLocked]);
    const outdated: string[] = [];
    for (const accountId of hoped) {
      const found = this.copiesOf(accountId, limitPerAccount);
      if (found) grants.push(...found);
      else outdated.push(accountId);
    }
    const newer = await this.read(outdated, limitPerAccount, read);
    // Another instance was there. In case it goes on, the next batch doesn't hope either.
    for (const accountId of outdated) {
      this.complete.delete(accountId);
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
    const others = this.complete.get(grant.accountId);
    if (!others) {
      this.known.forget(grant.accountId);
      return;
    }
    const index = others.findIndex(({ grantId }) => grantId === grant.grantId);
    if (index < 0) others.push(grant);
    else others[index] = grant;
  }

  private know({ accountId, chainHead }: Account): void {
    const grants = this.complete.get(accountId);
    if (!grants) return;
    const usable = grants.every(isUsable) ? grants : grants.filter(isUsable);
    this.known.put(accountId, { chainHead: textOfHead(chainHead), grants: usable });
  }

  private async read(accountIds: readonly string[], limitPerAccount: number, read: ReadGrants): Promise<Grant[]> {
    if (accountIds.length === 0) return [];
    const grants = await read(accountIds, limitPerAccount);
    const found = groupBy(grants, ({ accountId: owner }) => owner);
    for (const accountId of accountIds) {
      const ofAccount = found.get(accountId) ?? [];
      // With as many as were asked for there may be more; and of what is asked for again, only the caller knows what it did to it meanwhile.
      if (ofAccount.length < limitPerAccount && !this.asked.has(accountId)) this.complete.set(accountId, ofAccount);
      else this.complete.delete(accountId);
      this.asked.add(accountId);
    }
    return grants;
  }

  /** What is known of a locked account, if it is still so. */
  private copiesOf(accountId: string, limitPerAccount: number): Grant[] | undefined {
    const known = this.known.get(accountId);
    const head = this.heads.get(accountId);
    if (!known || !head || !isTextOf(head, known.chainHead)) return undefined;
    if (known.grants.length >= limitPerAccount) return undefined;
    const grants = known.grants.map((grant) => ({ ...grant }));
    this.complete.set(accountId, grants);
    this.asked.add(accountId);
    return grants;
  }
}

/** A character a byte. */
function textOfHead({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function isTextOf(head: Uint8Array, text: string): boolean {
  if (head.length !== text.length) return false;
  for (let index = 0; index < head.length; index++) if (head[index] !== text.charCodeAt(index)) return false;
  return true;
}

function isUsable({ remainingUsdMicros, isRolling }: Grant): boolean {
  return remainingUsdMicros > 0n || isRolling;
}
