import { storedAccountIds } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import { asIfWritten } from "../../domain/ledger/as-of.js";
import type { Account } from "../../domain/ledger/rows.js";
import type { ReadStore } from "../../storage/read-store.js";
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
      return readTogether(store, row, async (account) => {
        return asIfWritten(account, await store.due(account.accountId, now)).account;
      });
    }),
  );
}

/** Times that something is read together before an account that never stands still is taken as it was found. */
const MOST_READS = 5;

/**
 * Reads more of an account so that it belongs to the row: again, with the row as it is by then, if that changed meanwhile. Else a read that a sweep overtakes would show
 * what is due as still there: in the row, but no more among what is due.
 */
export async function readTogether<T>(
  store: ReadStore,
  row: Account,
  read: (account: Account) => Promise<T>,
): Promise<T> {
  let account = row;
  for (let reads = 1; ; reads++) {
    const result = await read(account);
    const [now = account] = await store.accounts([account.accountId]);
    const isUnchanged =
      now.version === account.version &&
      now.heldUsdMicros === account.heldUsdMicros &&
      now.updateTime === account.updateTime;
    if (isUnchanged || reads === MOST_READS) return result;
    account = now;
  }
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
