import { fromJson } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import { AttributionSchema } from "../gen/stationthis/generation/v1/attribution_pb.js";
import { invalidInput } from "./errors.js";
import { parseExactJson, writeExactJson } from "./exact-json.js";
import { Fields, type JsonObject } from "./fields.js";
import { formatUsd } from "./money.js";
import { Query, type QueryValues } from "./query.js";
import { type GenerationClient, READ } from "./service-call.js";

/** Who asks if nobody is named: an account without works of its own, so every fee is counted. */
const NOBODY = ":";
const MILLION = 1_000_000n;

/**
 * `GET /tools/:toolId/costPreview?inputParams=…`: a PreviewCost. Of the tool's inputs it reads masterAccountId, runDurationSeconds or quantity, and attribution; what else a
 * tool takes doesn't change its price.
 */
export function costPreviewRoute(scope: FastifyInstance, generations: GenerationClient): void {
  scope.get<{ Params: { toolId: string }; Querystring: QueryValues }>(
    "/tools/:toolId/costPreview",
    async ({ params: { toolId }, query: values }) => {
      const query = new Query(values);
      const text = query.text("inputParams");
      query.check();
      const inputs = new Fields(readInputs(text), "inputParams");
      const accountId = inputs.text("masterAccountId") || NOBODY;
      const cost = costOf(inputs);
      const attribution = attributionOf(inputs);
      inputs.check();
      const preview = await generations.previewCost({ toolId, accountId, cost, attribution }, READ);
      return {
        toolId,
        baseCostUsd: formatUsd(preview.baseCostUsdMicros),
        feeUsd: formatUsd(preview.feeUsdMicros),
        totalCostUsd: formatUsd(preview.totalCostUsdMicros),
        totalPoints: preview.totalPoints,
      };
    },
  );
}

/** @throws LegacyError INVALID_INPUT */
function readInputs(text: string): unknown {
  if (text === "") return {};
  try {
    return parseExactJson(text);
  } catch {
    throw invalidInput([{ field: "inputParams", message: "takes URL-encoded JSON, at most 32 levels deep" }]);
  }
}

/** How much the run would use; the tool's default estimate if the inputs don't say. */
function costOf(inputs: Fields) {
  const micros = inputs.millionths("runDurationSeconds");
  if (micros !== undefined) {
    const value = { seconds: micros / MILLION, nanos: Number(micros % MILLION) * 1_000 };
    return { case: "runDuration", value } as const;
  }
  const millionths = inputs.millionths("quantity");
  if (millionths === undefined) return { case: undefined };
  if (millionths % MILLION !== 0n) inputs.add("quantity", "takes an integer from 0");
  return { case: "quantity", value: millionths / MILLION } as const;
}

function attributionOf(inputs: Fields) {
  const given: JsonObject = inputs.object("attribution");
  try {
    return fromJson(AttributionSchema, JSON.parse(writeExactJson(given)));
  } catch {
    inputs.add("attribution", "takes {spell: {spellId, ownerAccountId}, loras: [{loraId, ownerAccountId}]}");
    return {};
  }
}
