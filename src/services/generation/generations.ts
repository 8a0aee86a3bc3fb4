import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { TollgateError } from "../../domain/errors.js";
import { summedUp } from "../../domain/generation/cast.js";
import type { Generation, GenerationState as GenerationStateName } from "../../domain/generation/generation.js";
import { GenerationState } from "../../gen/stationthis/generation/v1/generation_pb.js";
import {
  type GenerationService,
  ListGenerationsRequestSchema,
  type ListGenerationsResponseSchema,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { LoadedGenerations } from "../../ledger/working-set.js";
import type { GenerationFilter, Page, ReadStore } from "../../storage/read-store.js";
import type { GenerationRef } from "../../storage/store.js";
import { callOf } from "../call.js";
import { toCast, toGeneration } from "../convert/generation.js";
import { timeRange } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

/** Generations that a cast is summed up over. */
const LARGEST_CAST = 1_000;

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
    const position = pageTokens.read(request.pageToken, binding);
    const states = request.states.map((state) => GenerationState[state] as GenerationStateName);
    const range = timeRange(request.startTime, request.endTime);
    const filter = { accountId, states, toolId, spellId, castId, ...range };
    const pageSize = pageSizeOf(request.pageSize);
    const list = castId === "" ? newestFirst : inSteps;
    const { rows, next } = await list(store, filter, position, pageSize);
    const cast = castId === "" ? {} : await castOf(store, accountId, castId);
    return {
      generations: rows.map(toGeneration),
      nextPageToken: next === undefined ? "" : pageTokens.issue(next, binding),
      ...cast,
    };
  };
}

/** A page, with the position that its token names. */
type ListedPage = Page<Generation, readonly string[]>;

async function newestFirst(
  store: ReadStore,
  filter: GenerationFilter,
  position: readonly string[] | undefined,
  pageSize: number,
): Promise<ListedPage> {
  const { rows, next } = await store.listGenerations(filter, position?.[0], pageSize);
  return { rows, next: next === undefined ? undefined : [next] };
}

async function inSteps(
  store: ReadStore,
  filter: GenerationFilter,
  position: readonly string[] | undefined,
  pageSize: number,
): Promise<ListedPage> {
  const [stepIndex, generationId] = position ?? [];
  const cursor = generationId === undefined ? undefined : { stepIndex: Number(stepIndex), generationId };
  const { rows, next } = await store.listCast(filter, cursor, pageSize);
  return { rows, next: next && [String(next.stepIndex), next.generationId] };
}

async function castOf(
  store: ReadStore,
  accountId: string,
  castId: string,
): Promise<Pick<MessageInitShape<typeof ListGenerationsResponseSchema>, "cast">> {
  const steps = await store.castSteps(accountId, castId, LARGEST_CAST + 1);
  if (steps.length === 0) return {};
  const cast = summedUp(steps.slice(0, LARGEST_CAST));
  return { cast: toCast(castId, cast, steps.length > LARGEST_CAST) };
}

/** @throws TollgateError GENERATION_NOT_FOUND; INVALID_FIELDS if a run id alone names runs of two providers */
export async function requireGeneration(store: ReadStore, ref: GenerationRef): Promise<Generation> {
  const found = new LoadedGenerations(await store.findGenerations(ref)).find(ref);
  if (!found || (ref.runId !== "" && found.runId !== ref.runId)) {
    throw TollgateError.of("GENERATION_NOT_FOUND", { generation_id: ref.generationId, run_id: ref.runId });
  }
  return found;
}
