import type { Grant } from "../domain/ledger/rows.js";
import { GrantsInTransaction } from "./grants-in-transaction.js";

/** Of some thirty thousand accounts, in eighteen megabytes: fewer than are at work, and nearly all are read again each time, since all are forgotten together. */
const MOST_KNOWN_GRANTS = 60_000;

/** What a batch may look at of an account: the grants that are open and the rolling one, all of them. */
export interface KnownAccount {
  /** A character a byte: a few bytes that are kept would keep the piece of memory that Node cut them from, 8 KB. */
  chainHead: string;
  grants: Grant[];
}

/**
 * Grants of accounts as a store has seen them committed, so that a batch needn't read them again (docs/decisions/0035). Every entry's hash is over the one before it and over what the entry did to the
 * account's grants: where the head that is locked is the one that is known, so are the grants, whatever another instance or a restored backup has done.
 * It knows of a bounded number; when they are too many it forgets them all.
 */
export class KnownGrants {
  private readonly accounts = new Map<string, KnownAccount>();
  private size = 0;

  /** @param most grants remembered, an account counting as one more; at least 1 */
  constructor(private readonly most = MOST_KNOWN_GRANTS) {}

  inTransaction(): GrantsInTransaction {
    return new GrantsInTransaction(this);
  }

  /** What is known of an account now; it may change, or be forgotten, with any commit. */
  get(accountId: string): KnownAccount | undefined {
    return this.accounts.get(accountId);
  }

  /** @param grants all of the account's; nobody else's from here on, unless they are known already */
  put(accountId: string, chainHead: Uint8Array, grants: Grant[]): void {
    const text = textOfHead(chainHead);
    const known = this.accounts.get(accountId);
    if (known && areSame(known.grants, grants)) {
      // Written over, for what is put in its place would outlive a collection or two, and what was there before would have to be collected among what is old.
      known.chainHead = text;
      for (const [index, { issuedUsdMicros, remainingUsdMicros }] of grants.entries()) {
        const grant = known.grants[index] as Grant;
        grant.issuedUsdMicros = issuedUsdMicros;
        grant.remainingUsdMicros = remainingUsdMicros;
      }
      return;
    }
    const account = { chainHead: text, grants };
    this.size += sizeOf(account) - sizeOf(known);
    if (this.size > this.most) {
      this.accounts.clear();
      this.size = sizeOf(account);
    }
    this.accounts.set(accountId, account);
  }

  forget(accountId: string): void {
    this.size -= sizeOf(this.accounts.get(accountId));
    this.accounts.delete(accountId);
  }
}

/**
 * Copies of an account's grants, if it still is as it was known.
 * @param chainHead of the account, which is locked
 * @param fewerThan how many grants would be too many to be copied
 */
export function copiesOf(known: KnownAccount, chainHead: Uint8Array, fewerThan: number): Grant[] | undefined {
  if (known.grants.length >= fewerThan || !isTextOf(chainHead, known.chainHead)) return undefined;
  return known.grants.map(copyOf);
}

/** Whether these are the same grants in the same order, whatever is left of them. */
function areSame(known: readonly Grant[], grants: readonly Grant[]): boolean {
  return known.length === grants.length && known.every(({ grantId }, index) => grantId === grants[index]?.grantId);
}

function copyOf(grant: Grant): Grant {
  return { ...grant };
}

function sizeOf(account: KnownAccount | undefined): number {
  return account === undefined ? 0 : 1 + account.grants.length;
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
