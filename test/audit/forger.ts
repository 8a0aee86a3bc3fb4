import { entryHash } from "../../src/domain/ledger/chain.js";
import type { Account, ChainedTransaction, EntryRow } from "../../src/domain/ledger/rows.js";
import type { AuditView } from "../../src/storage/audit-store.js";
import type { Store } from "../../src/storage/store.js";
import type { TestDatabase } from "../support/stores.js";

/** Changes what a forger wants changed of an entry; balances and hashes follow. */
export type Forgery = (entry: EntryRow) => EntryRow;

/**
 * Rewrites history as someone could who has the database password, this source and patience: edits entries, then works out every balance, hash, chain head and
 * grant that follows, so that the books agree with themselves.
 */
export async function forge(database: TestDatabase, store: Store, forgery: Forgery): Promise<void> {
  const { accounts, entries } = await store.snapshot(readAll);
  const remaining = new Map<string, bigint>();
  for (const account of accounts) {
    let head: Uint8Array = new Uint8Array(32);
    let balance = 0n;
    for (const [entry, transaction] of entries.filter(([{ accountId }]) => accountId === account.accountId)) {
      const forged = forgery(entry);
      balance += forged.amountUsdMicros;
      const balanced = { ...forged, balanceAfterUsdMicros: balance };
      head = entryHash(head, transaction as ChainedTransaction, balanced);
      await database.tamper(updateOf({ ...balanced, hash: head }, database));
      for (const [grantId, amount] of forged.grantMovements) {
        remaining.set(grantId, (remaining.get(grantId) ?? 0n) + amount);
      }
    }
    await database.tamper(
      `update accounts set balance_usd_micros = ${balance}, chain_head = ${bytes(head, database)}
       where account_id = '${account.accountId}'`,
    );
  }
  for (const [grantId, amount] of remaining) {
    await database.tamper(`update credit_grants set remaining_usd_micros = ${amount} where grant_id = '${grantId}'`);
  }
}

async function readAll(
  view: AuditView,
): Promise<{ accounts: Account[]; entries: (readonly [EntryRow, ChainedTransaction | null])[] }> {
  return {
    accounts: await view.accountsAfter("", 1_000),
    entries: await view.allEntriesAfter({ accountId: "", accountVersion: 0n }, 1_000),
  };
}

function updateOf(entry: EntryRow, database: TestDatabase): string {
  const movements = JSON.stringify(entry.grantMovements.map(([grantId, amount]) => [grantId, String(amount)]));
  return `update entries set amount_usd_micros = ${entry.amountUsdMicros},
    balance_after_usd_micros = ${entry.balanceAfterUsdMicros}, grant_movements = '${movements}',
    hash = ${bytes(entry.hash, database)}
    where account_id = '${entry.accountId}' and account_version = ${entry.accountVersion}`;
}

function bytes(value: Uint8Array, { backend }: TestDatabase): string {
  const hex = Buffer.from(value).toString("hex");
  return backend === "sqlite" ? `x'${hex}'` : `decode('${hex}', 'hex')`;
}
