import type { MethodImpl } from "@connectrpc/connect";
import { TollgateError } from "../../domain/errors.js";
import { type EstimatedBase, estimatedBase } from "../../domain/generation/estimate.js";
import type { Estimate, Tool } from "../../domain/generation/generation.js";
import { chargeTo } from "../../domain/generation/settlement.js";
import { pointsRoundedDown, pointsRoundedUp } from "../../domain/points.js";
import type { Pricing } from "../../domain/pricing.js";
import { type GenerationService, RewardRole } from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { requireWithinLimit } from "../../ledger/commands/settle.js";
import { fromAttribution, fromEstimate, fromPricing } from "../convert/generation.js";
import { nowMicros } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { currentAccounts } from "../economy/accounts.js";

/** Reads the tool, the policy and the payer, and asks the functions that price and settle a generation: three look-ups by key, whatever there is in the store. */
export function previewCost({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.previewCost> {
  return async (request) => {
    const { toolId, accountId } = request;
    const payer = request.payerAccountId || accountId;
    const tool = await store.tool(toolId);
    if (!tool || tool.archived) throw TollgateError.of("TOOL_NOT_FOUND", { tool_id: toolId });
    const pricing = request.pricing ? fromPricing(request.pricing) : tool.pricing;
    const { baseUsdMicros, usesDefault } = requireBase(pricing, fromEstimate(request.cost), tool);
    const rewardPolicy = await store.currentRewardPolicy(nowMicros());
    const terms = { accountId, attribution: fromAttribution(request.attribution), rewardPolicy };
    const { fee, totalUsdMicros } = chargeTo(payer, terms, baseUsdMicros);
    requireWithinLimit(totalUsdMicros);
    const [account] = await currentAccounts(store, [payer]);
    const availableUsdMicros = account ? account.balanceUsdMicros - account.heldUsdMicros : 0n;
    return {
      baseCostUsdMicros: baseUsdMicros,
      feeUsdMicros: fee.feeUsdMicros,
      totalCostUsdMicros: totalUsdMicros,
      totalPoints: pointsRoundedUp(totalUsdMicros, points),
      rewards: fee.shares.map((share) => ({
        ...share,
        role: RewardRole[share.role],
        amountPoints: pointsRoundedDown(share.amountUsdMicros, points),
      })),
      availableUsdMicros,
      affordable: availableUsdMicros >= totalUsdMicros,
      usedDefaultEstimate: usesDefault,
      rewardPolicyId: rewardPolicy.policyId,
    };
  };
}

/** @throws TollgateError INVALID_FIELDS, as CreateGeneration does where it needs an estimate and has none */
function requireBase(pricing: Pricing, given: Estimate, tool: Tool): EstimatedBase {
  const estimated = estimatedBase(pricing, given, tool.defaultEstimate);
  if (estimated) return estimated;
  const field = pricing.unit === "TOKEN" ? "quantity" : "run_duration";
  throw TollgateError.invalid([
    { field, description: `is required: the tool has no default and is priced by ${pricing.unit}` },
  ]);
}
