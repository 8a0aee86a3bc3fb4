import { Books, type Draft, MoreGrantsNeeded } from "../domain/ledger/books.js";
import type { Grant, TransactionWithEntries } from "../domain/ledger/rows.js";

/**
 * Books of a batch, which loads only the first open grants of an account, in burn order. An amount past these would go on to what else of the account happens to be here, its
 * rolling grant or one opened in this batch, before grants that come first: so it asks for more of them.
 */
export class LoadedBooks extends Books {
  /** Of accounts that may have more open grants than were loaded: those loaded, without the rolling one, which is always there. */
  private readonly firstGrants = new Map<string, readonly Grant[]>();

  /** @throws what Books.post throws; MoreGrantsNeeded also where posting would burn out of order */
  override post(draft: Draft): TransactionWithEntries {
    for (const { accountId, amountUsdMicros } of draft.lines) {
      const first = this.firstGrants.get(accountId);
      if (first && remaining(first) < -amountUsdMicros) throw new MoreGrantsNeeded(accountId);
    }
    return super.post(draft);
  }

  /** Adds what a load found. @param limitPerAccount open grants it asked for of each account: one with fewer has no more */
  addLoaded(grants: readonly Grant[], limitPerAccount: number): void {
    this.addGrants(grants);
    for (const [accountId, loaded] of byAccount(grants)) {
      if (loaded.size < limitPerAccount) this.firstGrants.delete(accountId);
      else this.firstGrants.set(accountId, this.asTheyStand(loaded));
    }
  }

  /** A grant loaded again is the one already here, with what posting did to it. */
  private asTheyStand(loaded: ReadonlyMap<string, Grant>): Grant[] {
    return [...loaded.values()]
      .filter((grant) => !grant.isRolling)
      .map((grant) => this.grantOpenedBy(grant.transactionId, grant.accountId) as Grant);
  }
}

/** Each grant once: a load names the rolling one twice if it is among the first. */
function byAccount(grants: readonly Grant[]): Map<string, Map<string, Grant>> {
  const accounts = new Map<string, Map<string, Grant>>();
  for (const grant of grants) {
    const known = accounts.get(grant.accountId) ?? new Map<string, Grant>();
    accounts.set(grant.accountId, known.set(grant.grantId, grant));
  }
  return accounts;
}

function remaining(grants: readonly Grant[]): bigint {
  return grants.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
}
