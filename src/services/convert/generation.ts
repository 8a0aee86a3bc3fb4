import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Attribution } from "../../domain/fees.js";
import type { Cast } from "../../domain/generation/cast.js";
import {
  type Estimate,
  type Generation,
  type Output,
  type OutputType as OutputTypeName,
  releasedOutputs,
  type Tool,
} from "../../domain/generation/generation.js";
import { paymentFailureOf } from "../../domain/generation/settlement.js";
import type { Pricing, PricingUnit as PricingUnitName } from "../../domain/pricing.js";
import type {
  AttributionSchema,
  Attribution as WireAttribution,
} from "../../gen/stationthis/generation/v1/attribution_pb.js";
import {
  FundsPolicy,
  type GenerationSchema,
  GenerationState,
  OutputType,
  type PricingSchema,
  PricingUnit,
  type ToolSchema,
  type Output as WireOutput,
  type Pricing as WirePricing,
  type Tool as WireTool,
} from "../../gen/stationthis/generation/v1/generation_pb.js";
import type {
  CastSchema,
  CreateGenerationRequest,
  PreviewCostRequest,
} from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { fromDuration, toDuration, toTimestamp } from "./time.js";

/** A generation as callers may see it: its outputs only once they are paid for. */
export function toGeneration(generation: Generation): MessageInitShape<typeof GenerationSchema> {
  const baseCostUsdMicros = generation.baseCostUsdMicros ?? 0n;
  const isPaid = generation.state === "COMPLETED";
  const message: MessageInitShape<typeof GenerationSchema> = {
    generationId: generation.generationId,
    accountId: generation.accountId,
    payerAccountId: generation.payerAccountId,
    fallbackPayerAccountId: generation.fallbackPayerAccountId,
    chargedAccountId: generation.chargedAccountId,
    toolId: generation.toolId,
    provider: generation.provider,
    runId: generation.runId,
    state: GenerationState[generation.state],
    stateReason: generation.stateReason,
    progress: generation.progress,
    liveStatus: generation.liveStatus,
    pricing: toPricing(generation.pricing),
    attribution: toAttribution(generation.attribution),
    rewardPolicyId: generation.rewardPolicy.policyId,
    baseCostUsdMicros,
    feeUsdMicros: generation.feeUsdMicros,
    totalCostUsdMicros: isPaid ? baseCostUsdMicros + generation.feeUsdMicros : 0n,
    transactionId: generation.transactionId,
    holdId: generation.holdId,
    outputs: releasedOutputs(generation).map((output) => ({ ...output, type: OutputType[output.type] })),
    errorMessage: generation.errorMessage,
    castId: generation.castId,
    stepIndex: generation.stepIndex,
    notification: { ...generation.notification },
    metadata: { ...generation.metadata },
    createTime: toTimestamp(generation.createTime),
    updateTime: toTimestamp(generation.updateTime),
  };
  // Not spread into it: that would make so large an object a hash table.
  if (generation.startTime !== null) message.startTime = toTimestamp(generation.startTime);
  if (generation.endTime !== null) message.endTime = toTimestamp(generation.endTime);
  const paymentFailure = paymentFailureOf(generation);
  if (paymentFailure) message.paymentFailure = paymentFailure;
  return message;
}

/** A cast as the list of its steps shows it. */
export function toCast(castId: string, cast: Cast, isTruncated: boolean): MessageInitShape<typeof CastSchema> {
  const { baseCostUsdMicros, feeUsdMicros } = cast;
  const stateCounts = [...cast.counts].map(([state, generations]) => ({ state: GenerationState[state], generations }));
  return {
    castId,
    state: GenerationState[cast.state],
    baseCostUsdMicros,
    feeUsdMicros,
    totalCostUsdMicros: baseCostUsdMicros + feeUsdMicros,
    stateCounts: stateCounts.sort((a, b) => a.state - b.state),
    isTruncated,
  };
}

export function toTool(tool: Tool): MessageInitShape<typeof ToolSchema> {
  const { toolId, displayName, provider, archived } = tool;
  return {
    toolId,
    displayName,
    provider,
    archived,
    pricing: toPricing(tool.pricing),
    fundsPolicy: FundsPolicy[tool.fundsPolicy],
    ...toEstimate(tool.defaultEstimate),
    updateTime: toTimestamp(tool.updateTime),
  };
}

export function toPricing(pricing: Pricing): MessageInitShape<typeof PricingSchema> {
  const { rateUsd, multiplier, minimumChargeUsdMicros } = pricing;
  return { unit: PricingUnit[pricing.unit], rateUsd, multiplier, minimumChargeUsdMicros };
}

/** A validated price, with its default. */
export function fromPricing(pricing: WirePricing): Pricing {
  return {
    unit: PricingUnit[pricing.unit] as PricingUnitName,
    rateUsd: pricing.rateUsd,
    multiplier: pricing.multiplier || "1",
    minimumChargeUsdMicros: pricing.minimumChargeUsdMicros,
  };
}

function toEstimate({
  runDurationMicros,
  quantity,
}: Estimate): Pick<MessageInitShape<typeof ToolSchema>, "defaultEstimate"> {
  if (runDurationMicros !== null) {
    return { defaultEstimate: { amount: { case: "runDuration", value: toDuration(runDurationMicros) } } };
  }
  return quantity === null ? {} : { defaultEstimate: { amount: { case: "quantity", value: quantity } } };
}

/** An estimate as callers give it, whichever message it comes in. */
export function fromEstimate(amount: WireEstimate | undefined): Estimate {
  switch (amount?.case) {
    case "runDuration":
    case "estimatedRunDuration":
      return { runDurationMicros: fromDuration(amount.value), quantity: null };
    case "quantity":
    case "estimatedQuantity":
      return { runDurationMicros: null, quantity: amount.value };
    default:
      return { runDurationMicros: null, quantity: null };
  }
}

type WireEstimate =
  | NonNullable<WireTool["defaultEstimate"]>["amount"]
  | CreateGenerationRequest["estimate"]
  | PreviewCostRequest["cost"];

function toAttribution(attribution: Attribution): MessageInitShape<typeof AttributionSchema> {
  const loras = attribution.loras.map((lora) => ({ ...lora }));
  return attribution.spell ? { spell: { ...attribution.spell }, loras } : { loras };
}

export function fromAttribution(attribution: WireAttribution | undefined): Attribution {
  const loras = (attribution?.loras ?? []).map(({ loraId, ownerAccountId }) => ({ loraId, ownerAccountId }));
  if (!attribution?.spell) return { loras };
  const { spellId, ownerAccountId } = attribution.spell;
  return { spell: { spellId, ownerAccountId }, loras };
}

export function fromOutputs(outputs: readonly WireOutput[]): Output[] {
  return outputs.map(({ url, type, filename, nodeId, text }) => ({
    url,
    type: (type === OutputType.UNSPECIFIED ? "FILE" : OutputType[type]) as OutputTypeName,
    filename,
    nodeId,
    text,
  }));
}
