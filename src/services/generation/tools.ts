import type { MethodImpl } from "@connectrpc/connect";
import { TollgateError } from "../../domain/errors.js";
import type { FundsPolicy as FundsPolicyName } from "../../domain/generation/generation.js";
import { FundsPolicy } from "../../gen/stationthis/generation/v1/generation_pb.js";
import {
  type GenerationService,
  ListToolsRequestSchema,
  type UpsertToolRequest,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { callOf } from "../call.js";
import { fromEstimate, fromPricing, toTool } from "../convert/generation.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

/** Who runs a tool that doesn't say. */
const DEFAULT_PROVIDER = "comfydeploy";

export function upsertTool({ store }: ServiceDependencies): MethodImpl<typeof GenerationService.method.upsertTool> {
  return async (request) => ({ tool: toTool(await store.upsertTool(toolIn(request))) });
}

export function getTool({ store }: ServiceDependencies): MethodImpl<typeof GenerationService.method.getTool> {
  return async ({ toolId }) => {
    const tool = await store.tool(toolId);
    if (!tool) throw TollgateError.of("TOOL_NOT_FOUND", { tool_id: toolId });
    return { tool: toTool(tool) };
  };
}

export function listTools({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.listTools> {
  return async (request, context) => {
    const binding = pageBinding(ListToolsRequestSchema, request, callOf(context).caller);
    const cursor = pageTokens.read(request.pageToken, binding)?.[0];
    const page = await store.listTools(cursor, pageSizeOf(request.pageSize));
    return {
      tools: page.rows.map(toTool),
      nextPageToken: page.next === undefined ? "" : pageTokens.issue([page.next], binding),
    };
  };
}

function toolIn({ tool }: UpsertToolRequest) {
  if (!tool?.pricing) throw new Error("validated, but without a price");
  const { toolId, displayName, archived } = tool;
  const provider = tool.provider || DEFAULT_PROVIDER;
  const named = FundsPolicy[tool.fundsPolicy] as FundsPolicyName | "UNSPECIFIED";
  const fundsPolicy = named === "UNSPECIFIED" ? "NONE" : named;
  const defaultEstimate = fromEstimate(tool.defaultEstimate?.amount);
  return { toolId, displayName, provider, pricing: fromPricing(tool.pricing), fundsPolicy, defaultEstimate, archived };
}
