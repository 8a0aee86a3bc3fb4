import type { MethodImpl } from "@connectrpc/connect";
import { TollgateError } from "../../domain/errors.js";
import type { Generation, GenerationState as GenerationStateName } from "../../domain/generation/generation.js";
import { GenerationState } from "../../gen/stationthis/generation/v1/generation_pb.js";
import {
  type GenerationService,
  ListGenerationsRequestSchema,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { LoadedGenerations } from "../../ledger/working-set.js";
import type { GenerationRef, ReadStore } from "../../storage/store.js";
import { callOf } from "../call.js";
import { toGeneration } from "../convert/generation.js";
import { timeRange } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

export function getGeneration({
  store,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.getGeneration> {
  return async ({ generationId, runId }) => ({
    generation: toGeneration(await requireGeneration(store, { generationId, runId })),
  });
}

export function listGenerations({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.listGenerations> {
  return async (request, context) => {
    const { accountId, toolId, spellId, castId } = request;
    const binding = pageBinding(ListGenerationsRequestSchema, request, callOf(context).caller);
    const cursor = pageTokens.read(request.pageToken, binding)?.[0];
    const states = request.states.map((state) => GenerationState[state] as GenerationStateName);
    const range = timeRange(request.startTime, request.endTime);
    const filter = { accountId, states, toolId, spellId, castId, ...range };
    const page = await store.listGenerations(filter, cursor, pageSizeOf(request.pageSize));
    return {
      generations: page.rows.map(toGeneration),
      nextPageToken: page.next === undefined ? "" : pageTokens.issue([page.next], binding),
    };
  };
}

/** @throws TollgateError GENERATION_NOT_FOUND; INVALID_FIELDS if a run id alone names runs of two providers */
export async function requireGeneration(store: ReadStore, ref: GenerationRef): Promise<Generation> {
  const found = new LoadedGenerations(await store.findGenerations(ref)).find(ref);
  if (!found || (ref.runId !== "" && found.runId !== ref.runId)) {
    throw TollgateError.of("GENERATION_NOT_FOUND", { generation_id: ref.generationId, run_id: ref.runId });
  }
  return found;
}
