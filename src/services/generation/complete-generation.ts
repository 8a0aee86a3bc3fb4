import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import type { Outcome as OutcomeName } from "../../domain/generation/generation.js";
import type { Usage } from "../../domain/pricing.js";
import { Outcome } from "../../gen/stationthis/generation/v1/generation_pb.js";
import type {
  CompleteGenerationRequest,
  GenerationService,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { completeGeneration as completeCommand } from "../../ledger/commands/complete-generation.js";
import { callOf, submitterOf } from "../call.js";
import { toTransaction } from "../convert/economy.js";
import { fromOutputs, toGeneration } from "../convert/generation.js";
import { fromDuration, fromTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { requireTransaction } from "../economy/transactions.js";

export function completeGeneration({
  writer,
  store,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.completeGeneration> {
  return async (request, context) => {
    const { generationId, runId, errorMessage } = request;
    const command = completeCommand({
      ref: { generationId, runId },
      caller: callOf(context).caller,
      transactionId: uuidv7(),
      outcome: Outcome[request.outcome] as OutcomeName,
      usage: usageIn(request.cost),
      outputs: fromOutputs(request.outputs),
      errorMessage,
      startTime: fromTimestamp(request.startTime),
      endTime: fromTimestamp(request.endTime),
    });
    const { generation, posted, alreadyFinal } = await writer.submit(command, submitterOf(context));
    const answer = { generation: toGeneration(generation), alreadyFinal };
    // The spread comes last: before a field that is new to it each answer would get a hidden class of its own (docs/decisions/0043).
    if (posted) return { transaction: toTransaction(posted), ...answer };
    if (generation.transactionId === "") return answer;
    return { transaction: toTransaction(await requireTransaction(store, generation.transactionId)), ...answer };
  };
}

function usageIn(cost: CompleteGenerationRequest["cost"]): Usage {
  switch (cost.case) {
    case "finalCostUsdMicros":
      return { finalCostUsdMicros: cost.value };
    case "runDuration":
      return { runDurationMicros: fromDuration(cost.value) };
    case "quantity":
      return { quantity: cost.value };
    default:
      return {};
  }
}
