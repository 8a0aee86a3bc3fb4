import type { Grant } from "../domain/ledger/rows.js";
import { GrantsInTransaction } from "./grants-in-transaction.js";

/** Of some thirty thousand accounts, in eighteen megabytes: fewer than are at work, and nearly all are read again each time, since all are forgotten together. */
const MOST_KNOWN_GRANTS = 60_000;

/** What a batch may look at of an account: the grants that are open and the rolling one, all of them. */
export interface KnownAccount {
  /** A character a byte: a few bytes that are kept would keep the piece of memory that Node cut them from, 8 KB. */
  chainHead: string;
  readonly grants: Grant[];
  /** A transaction has these very grants in hand and may be changing them. */
  isLent: boolean;
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

  /** @param grants all of the account's; nobody else's from here on */
  put(accountId: string, chainHead: Uint8Array, grants: Grant[]): void {
    const account = { chainHead: textOfHead(chainHead), grants, isLent: false };
    this.forget(accountId);
    this.size += sizeOf(account);
    if (this.size > this.most) {
      this.accounts.clear();
      this.size = sizeOf(account);
    }
    this.accounts.set(accountId, account);
  }

  forget(accountId: string): void {
    const account = this.accounts.get(accountId);
    if (!account) return;
    this.size -= sizeOf(account);
    this.accounts.delete(accountId);
  }
}

/** Whether an account's grants are still those that were known, and nobody else has them. @param chainHead of the account, which is locked */
export function areFree({ chainHead: known, isLent }: KnownAccount, chainHead: Uint8Array): boolean {
  return !isLent && isTextOf(chainHead, known);
}

function sizeOf(account: KnownAccount): number {
  return 1 + account.grants.length;
}

/** A character a byte. */
export function textOfHead({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function isTextOf(head: Uint8Array, text: string): boolean {
  if (head.length !== text.length) return false;
  for (let index = 0; index < head.length; index++) if (head[index] !== text.charCodeAt(index)) return false;
  return true;
}
