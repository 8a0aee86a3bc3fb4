import type { MethodImpl } from "@connectrpc/connect";
import { storedAccountIds } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import type { TransactionType as TransactionTypeName, TransactionWithEntries } from "../../domain/ledger/rows.js";
import { TransactionType } from "../../gen/stationthis/economy/v1/economy_pb.js";
import {
  type EconomyService,
  ListTransactionsRequestSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { EntryCursor, ReadStore } from "../../storage/read-store.js";
import { callOf } from "../call.js";
import { toTransaction } from "../convert/economy.js";
import { timeRange } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";
import { requireAccount } from "./accounts.js";

export function getTransaction({
  store,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.getTransaction> {
  return async ({ transactionId }) => ({ transaction: toTransaction(await requireTransaction(store, transactionId)) });
}

export function listTransactions({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.listTransactions> {
  return async (request, context) => {
    const { accountId, toolId, generationId, externalReference } = request;
    const binding = pageBinding(ListTransactionsRequestSchema, request, callOf(context).caller);
    const position = pageTokens.read(request.pageToken, binding);
    await requireAccount(store, accountId);
    const page = await store.listTransactions(
      storedAccountIds(accountId),
      {
        types: request.types.map((type) => TransactionType[type] as TransactionTypeName),
        toolId,
        generationId,
        externalReference,
        ...timeRange(request.startTime, request.endTime),
      },
      position && toCursor(position),
      pageSizeOf(request.pageSize),
    );
    return {
      transactions: page.rows.map(toTransaction),
      nextPageToken: page.next ? pageTokens.issue(fromCursor(page.next), binding) : "",
    };
  };
}

/** @throws TollgateError TRANSACTION_NOT_FOUND */
export async function requireTransaction(store: ReadStore, transactionId: string): Promise<TransactionWithEntries> {
  const found = await store.transaction(transactionId);
  if (!found) throw TollgateError.of("TRANSACTION_NOT_FOUND", { transaction_id: transactionId });
  return found;
}

/** A cursor as strings: account, version, account, version... */
function fromCursor(cursor: EntryCursor): string[] {
  return Object.entries(cursor).flatMap(([accountId, version]) => [accountId, String(version)]);
}

function toCursor(position: readonly string[]): EntryCursor {
  const versions: [string, bigint][] = [];
  for (let index = 0; index + 1 < position.length; index += 2) {
    versions.push([position[index] as string, BigInt(position[index + 1] as string)]);
  }
  // Not by assignment: an account may be called "__proto__".
  return Object.fromEntries(versions);
}
