import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { isPlatformAccount, publicAccountId, storedAccountIds } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import type { Account } from "../../domain/ledger/rows.js";
import type { EpochMicros } from "../../domain/time.js";
import type { BalanceSchema } from "../../gen/stationthis/economy/v1/economy_pb.js";
import { type EconomyService, ListAccountsRequestSchema } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { EntryAt, ReadStore } from "../../storage/read-store.js";
import { callOf } from "../call.js";
import { toBalance } from "../convert/economy.js";
import { fromTimestamp, toTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";
import { asCurrent, currentAccounts, requireAccount } from "./accounts.js";

export function getBalance({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.getBalance> {
  return async ({ accountId, atTime }) => {
    if (atTime) return { balance: await balanceAt(store, accountId, fromTimestamp(atTime)) };
    return { balance: toBalance(accountId, await requireAccount(store, accountId), points) };
  };
}

export function batchGetBalances({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.batchGetBalances> {
  return async ({ accountIds }) => {
    const rows = await currentAccounts(store, [...new Set(accountIds)].flatMap(storedAccountIds));
    const found = byPublicId(rows);
    return {
      balances: accountIds.flatMap((accountId) => {
        const ofAccount = found.get(accountId);
        return ofAccount ? [toBalance(accountId, ofAccount, points)] : [];
      }),
      missingAccountIds: accountIds.filter((accountId) => !found.has(accountId)),
    };
  };
}

export function listAccounts({
  store,
  points,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.listAccounts> {
  return async (request, context) => {
    const binding = pageBinding(ListAccountsRequestSchema, request, callOf(context).caller);
    const after = pageTokens.read(request.pageToken, binding)?.[0] ?? "";
    const pageSize = pageSizeOf(request.pageSize);
    const rows = await store.listAccounts(after, pageSize + 1);
    const page = rows.slice(0, pageSize);
    const platformIds = new Set(page.map((row) => publicAccountId(row.accountId)).filter(isPlatformAccount));
    const stripes = await store.accounts([...platformIds].flatMap(storedAccountIds));
    const users = page.filter((row) => !isPlatformAccount(row.accountId));
    const accounts = [...byPublicId(await asCurrent(store, [...users, ...stripes]))].sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
    const last = accounts.at(-1)?.[0] ?? "";
    return {
      balances: accounts.map(([accountId, ofAccount]) => toBalance(accountId, ofAccount, points)),
      nextPageToken:
        rows.length > pageSize ? pageTokens.issue([isPlatformAccount(last) ? `${last}$` : last], binding) : "",
    };
  };
}

/** A balance at a time, from the entries: of a platform account the sum of its stripes. */
async function balanceAt(
  store: ReadStore,
  accountId: string,
  time: EpochMicros,
): Promise<MessageInitShape<typeof BalanceSchema>> {
  const entries = await Promise.all(storedAccountIds(accountId).map((storedId) => store.entryAt(storedId, time)));
  const found = entries.filter((entry): entry is EntryAt => entry !== undefined);
  if (found.length === 0) throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: accountId });
  return {
    accountId,
    balanceUsdMicros: found.reduce((sum, entry) => sum + entry.balanceUsdMicros, 0n),
    version: isPlatformAccount(accountId) ? 0n : (found[0]?.version ?? 0n),
    updateTime: toTimestamp(found.reduce((latest, { createTime }) => (createTime > latest ? createTime : latest), 0n)),
  };
}

function byPublicId(rows: readonly Account[]): Map<string, Account[]> {
  const groups = new Map<string, Account[]>();
  for (const row of rows) {
    const accountId = publicAccountId(row.accountId);
    groups.set(accountId, [...(groups.get(accountId) ?? []), row]);
  }
  return groups;
}
