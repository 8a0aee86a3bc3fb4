import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  type DebitRequest,
  DebitRequestSchema,
  type EconomyService,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { debit as debitCommand } from "../../ledger/commands/debit.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toBalance, toTransaction } from "../convert/economy.js";
import type { ServiceDependencies } from "../dependencies.js";
import { idempotentRequest } from "../requests.js";
import { requireAccount } from "./accounts.js";
import { requireTransaction } from "./transactions.js";

export function debit({ writer, store, points }: ServiceDependencies): MethodImpl<typeof EconomyService.method.debit> {
  return async (request, context) => {
    const { accountId } = request;
    const done = await writer.submit(debitCommandOf(request, callOf(context).caller), submitterOf(context));
    if (done.kind === "done") {
      return { transaction: toTransaction(done.posted), balance: toBalance(accountId, [done.account], points) };
    }
    if (done.isReplay) markReplayed(context);
    return {
      transaction: toTransaction(await requireTransaction(store, done.resourceId)),
      balance: toBalance(accountId, await requireAccount(store, accountId), points),
    };
  };
}

/** The command that a Debit is, by itself or in a batch. */
export function debitCommandOf(request: DebitRequest, caller: string): ReturnType<typeof debitCommand> {
  const { accountId, amountUsdMicros, toolId, generationId, description, metadata } = request;
  return debitCommand({
    request: idempotentRequest(DebitRequestSchema, request, caller),
    transactionId: uuidv7(),
    accountId,
    amountUsdMicros,
    toolId,
    generationId,
    description,
    metadata,
  });
}
