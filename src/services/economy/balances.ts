import type { MethodImpl } from "@connectrpc/connect";
import { publicAccountId, storedAccountIds } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import type { Account } from "../../domain/ledger/rows.js";
import type { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { ReadStore } from "../../storage/store.js";
import { toBalance } from "../convert/economy.js";
import type { ServiceDependencies } from "../dependencies.js";

export function getBalance({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.getBalance> {
  return async ({ accountId }) => ({ balance: toBalance(accountId, await requireAccount(store, accountId), points) });
}

export function batchGetBalances({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.batchGetBalances> {
  return async ({ accountIds }) => {
    const found = new Map<string, Account[]>();
    for (const row of await store.accounts([...new Set(accountIds)].flatMap(storedAccountIds))) {
      const accountId = publicAccountId(row.accountId);
      found.set(accountId, [...(found.get(accountId) ?? []), row]);
    }
    return {
      balances: accountIds.flatMap((accountId) => {
        const rows = found.get(accountId);
        return rows ? [toBalance(accountId, rows, points)] : [];
      }),
      missingAccountIds: accountIds.filter((accountId) => !found.has(accountId)),
    };
  };
}

/**
 * The rows of an account that has had an entry.
 * @throws TollgateError ACCOUNT_NOT_FOUND
 */
export async function requireAccount(store: ReadStore, accountId: string): Promise<Account[]> {
  const rows = await store.accounts(storedAccountIds(accountId));
  if (rows.length === 0) throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: accountId });
  return rows;
}
