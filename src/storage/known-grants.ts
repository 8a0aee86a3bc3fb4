import type { Grant } from "../domain/ledger/rows.js";
import { GrantsInTransaction } from "./grants-in-transaction.js";

/** Of some ten thousand accounts, in six megabytes. */
const MOST_KNOWN_GRANTS = 20_000;

/** What a batch may look at of an account: the grants that are open and the rolling one, all of them. */
interface KnownAccount {
  /** A character a byte: a few bytes that are kept would keep the piece of memory that Node cut them from, 8 KB. */
  readonly chainHead: string;
  readonly grants: readonly Grant[];
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

  get(accountId: string): KnownAccount | undefined {
    return this.accounts.get(accountId);
  }

  put(accountId: string, account: KnownAccount): void {
    this.size += sizeOf(account) - sizeOf(this.accounts.get(accountId));
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

function sizeOf(account: KnownAccount | undefined): number {
  return account === undefined ? 0 : 1 + account.grants.length;
}
