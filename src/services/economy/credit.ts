import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  type CreditSource as CreditSourceName,
  DEFAULT_GRANT_PRIORITY,
  defaultCategory,
} from "../../domain/ledger/grants.js";
import type { CreditCategory as CreditCategoryName } from "../../domain/ledger/rows.js";
import { CreditCategory, CreditSource } from "../../gen/stationthis/economy/v1/economy_pb.js";
import {
  type CreditRequest,
  CreditRequestSchema,
  type EconomyService,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { credit as creditCommand } from "../../ledger/commands/credit.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toBalance, toCreditGrant, toTransaction } from "../convert/economy.js";
import { fromTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { idempotentRequest } from "../requests.js";
import { requireAccount } from "./accounts.js";
import { requireTransaction } from "./transactions.js";

export function credit({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.credit> {
  return async (request, context) => {
    const { accountId } = request;
    const done = await writer.submit(creditCommandOf(request, callOf(context).caller), submitterOf(context));
    if (done.kind === "done") {
      return {
        transaction: toTransaction(done.posted),
        balance: toBalance(accountId, [done.account], points),
        creditGrant: toCreditGrant(done.grant),
      };
    }
    if (done.isReplay) markReplayed(context);
    const grant = await store.grantOpenedBy(done.resourceId, accountId);
    if (!grant) throw new Error(`credit ${done.resourceId} has no grant`);
    return {
      transaction: toTransaction(await requireTransaction(store, done.resourceId)),
      balance: toBalance(accountId, await requireAccount(store, accountId), points),
      creditGrant: toCreditGrant(grant),
    };
  };
}

/** The command that a Credit is, by itself or in a batch. */
export function creditCommandOf(request: CreditRequest, caller: string): ReturnType<typeof creditCommand> {
  const { accountId, amountUsdMicros, externalReference, description, metadata } = request;
  const source = CreditSource[request.source] as CreditSourceName;
  const named = CreditCategory[request.category] as CreditCategoryName | "UNSPECIFIED";
  return creditCommand({
    request: idempotentRequest(CreditRequestSchema, request, caller),
    transactionId: uuidv7(),
    accountId,
    amountUsdMicros,
    source,
    externalReference,
    category: named === "UNSPECIFIED" ? defaultCategory(source) : named,
    priority: request.priority ?? DEFAULT_GRANT_PRIORITY,
    expireTime: fromTimestamp(request.expireTime) ?? null,
    description,
    metadata,
  });
}
