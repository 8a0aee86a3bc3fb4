import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  type EconomyService,
  type TransferRequest,
  TransferRequestSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { transfer as transferCommand } from "../../ledger/commands/transfer.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toBalance, toTransaction } from "../convert/economy.js";
import type { ServiceDependencies } from "../dependencies.js";
import { idempotentRequest } from "../requests.js";
import { requireAccount } from "./accounts.js";
import { requireTransaction } from "./transactions.js";

export function transfer({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.transfer> {
  return async (request, context) => {
    const { fromAccountId, toAccountId } = request;
    const done = await writer.submit(transferCommandOf(request, callOf(context).caller), submitterOf(context));
    if (done.kind === "done") {
      return {
        transaction: toTransaction(done.posted),
        fromBalance: toBalance(fromAccountId, [done.from], points),
        toBalance: toBalance(toAccountId, [done.to], points),
      };
    }
    if (done.isReplay) markReplayed(context);
    return {
      transaction: toTransaction(await requireTransaction(store, done.resourceId)),
      fromBalance: toBalance(fromAccountId, await requireAccount(store, fromAccountId), points),
      toBalance: toBalance(toAccountId, await requireAccount(store, toAccountId), points),
    };
  };
}

/** The command that a Transfer is, by itself or in a batch. */
export function transferCommandOf(request: TransferRequest, caller: string): ReturnType<typeof transferCommand> {
  const { fromAccountId, toAccountId, amountUsdMicros, description, metadata } = request;
  return transferCommand({
    request: idempotentRequest(TransferRequestSchema, request, caller),
    transactionId: uuidv7(),
    fromAccountId,
    toAccountId,
    amountUsdMicros,
    description,
    metadata,
  });
}
