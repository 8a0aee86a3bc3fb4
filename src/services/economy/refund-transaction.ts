import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  type EconomyService,
  RefundTransactionRequestSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { refundTransaction as refundCommand } from "../../ledger/commands/refund-transaction.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toBalance, toTransaction } from "../convert/economy.js";
import type { ServiceDependencies } from "../dependencies.js";
import { idempotentRequest } from "../requests.js";
import { requireAccount } from "./accounts.js";
import { requireTransaction } from "./transactions.js";

export function refundTransaction({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.refundTransaction> {
  return async (request, context) => {
    const command = refundCommand({
      request: idempotentRequest(RefundTransactionRequestSchema, request, callOf(context).caller),
      transactionId: uuidv7(),
      refundedTransactionId: request.transactionId,
      amountUsdMicros: request.amount.case === "amountUsdMicros" ? request.amount.value : undefined,
      reason: request.reason,
      clawsBackRewards: request.clawBackRewards ?? true,
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") {
      const { accountId } = done.account;
      return { transaction: toTransaction(done.posted), balance: toBalance(accountId, [done.account], points) };
    }
    if (done.isReplay) markReplayed(context);
    const refund = await requireTransaction(store, done.resourceId);
    const accountId = refund.entries[0]?.accountId ?? "";
    return {
      transaction: toTransaction(refund),
      balance: toBalance(accountId, await requireAccount(store, accountId), points),
    };
  };
}
