import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  type GenerationService,
  RetryPaymentRequestSchema,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { retryPayment as retryCommand } from "../../ledger/commands/retry-payment.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toTransaction } from "../convert/economy.js";
import { toGeneration } from "../convert/generation.js";
import type { ServiceDependencies } from "../dependencies.js";
import { requireTransaction } from "../economy/transactions.js";
import { idempotentRequest } from "../requests.js";
import { requireGeneration } from "./generations.js";

export function retryPayment({
  writer,
  store,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.retryPayment> {
  return async (request, context) => {
    const { generationId, payerAccountId } = request;
    const command = retryCommand({
      request: idempotentRequest(RetryPaymentRequestSchema, request, callOf(context).caller),
      transactionId: uuidv7(),
      generationId,
      payerAccountId,
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") {
      return { generation: toGeneration(done.generation), transaction: toTransaction(done.posted) };
    }
    if (done.isReplay) markReplayed(context);
    return {
      generation: toGeneration(await requireGeneration(store, { generationId, runId: "" })),
      transaction: toTransaction(await requireTransaction(store, done.resourceId)),
    };
  };
}
