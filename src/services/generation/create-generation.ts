import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import {
  CreateGenerationRequestSchema,
  type GenerationService,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { asFirstCreated, createGeneration as createCommand } from "../../ledger/commands/create-generation.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toHold } from "../convert/economy.js";
import { fromAttribution, fromEstimate, fromPricing, toGeneration } from "../convert/generation.js";
import type { ServiceDependencies } from "../dependencies.js";
import { idempotentRequest } from "../requests.js";
import { requireGeneration } from "./generations.js";

export function createGeneration({
  writer,
  store,
  webhookUrlOf,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.createGeneration> {
  return async (request, context) => {
    const { accountId, fallbackPayerAccountId, toolId, provider, runId, castId, stepIndex, metadata } = request;
    // Read before the id is made: ids then rise in the order of submission, and lists by id are newest first.
    const tool = await store.tool(toolId);
    const command = createCommand({
      request: idempotentRequest(CreateGenerationRequestSchema, request, callOf(context).caller),
      generationId: uuidv7(),
      accountId,
      payerAccountId: request.payerAccountId || accountId,
      fallbackPayerAccountId,
      toolId,
      tool,
      provider,
      runId,
      pricing: request.pricing && fromPricing(request.pricing),
      attribution: fromAttribution(request.attribution),
      castId,
      stepIndex,
      notification: {
        platform: request.notification?.platform ?? "",
        target: request.notification?.target ?? "",
      },
      metadata,
      holdId: uuidv7(),
      placesHold: request.placeHold,
      estimate: fromEstimate(request.estimate),
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") {
      const { generation, hold } = done;
      const answer = { generation: toGeneration(generation), webhookUrl: webhookUrlOf(generation.generationId) };
      return hold ? { hold: toHold(hold), ...answer } : answer;
    }
    if (done.isReplay) markReplayed(context);
    const generation = await requireGeneration(store, { generationId: done.resourceId, runId: "" });
    const hold = generation.holdId === "" ? undefined : await store.hold(generation.holdId);
    return {
      generation: toGeneration(asFirstCreated(generation, runId)),
      ...(hold ? { hold: toHold({ ...hold, state: "ACTIVE", capturedUsdMicros: 0n }) } : {}),
      webhookUrl: webhookUrlOf(generation.generationId),
    };
  };
}
