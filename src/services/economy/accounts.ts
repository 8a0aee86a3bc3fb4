import { storedAccountIds } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import { asIfWritten } from "../../domain/ledger/as-of.js";
import type { Account } from "../../domain/ledger/rows.js";
import type { ReadStore } from "../../storage/store.js";
import { nowMicros } from "../convert/time.js";

/** Accounts as they are now: what is due in them counts as written. @param accountIds stored ids; unknown ones are left out */
export async function currentAccounts(store: ReadStore, accountIds: readonly string[]): Promise<Account[]> {
  return asCurrent(store, await store.accounts(accountIds));
}

/** Rows just read, as they are now. */
export function asCurrent(store: ReadStore, rows: readonly Account[]): Promise<Account[]> {
  const now = nowMicros();
  return Promise.all(
    rows.map(async (row) => {
      if (row.nextExpiryTime === null || row.nextExpiryTime > now) return row;
      return asIfWritten(row, await store.due(row.accountId, now)).account;
    }),
  );
}

/**
 * The rows of an account that has had an entry: one, or the stripes of a platform account.
 * @throws TollgateError ACCOUNT_NOT_FOUND
 */
export async function requireAccount(store: ReadStore, accountId: string): Promise<Account[]> {
  const rows = await currentAccounts(store, storedAccountIds(accountId));
  if (rows.length === 0) throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: accountId });
  return rows;
}
