import type { MethodImpl } from "@connectrpc/connect";
import { ADR_012_POLICY, feeOn } from "../../domain/fees.js";
import { pointsRoundedDown } from "../../domain/points.js";
import { RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import type { RewardsService } from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { fromAttribution } from "../convert/generation.js";
import type { ServiceDependencies } from "../dependencies.js";

export function previewRewards({
  points,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.previewRewards> {
  return ({ baseCostUsdMicros, accountId, payerAccountId, attribution }) => {
    const payer = payerAccountId || accountId;
    const fee = feeOn(baseCostUsdMicros, fromAttribution(attribution), ADR_012_POLICY, accountId, payer);
    return {
      feeUsdMicros: fee.feeUsdMicros,
      rewards: fee.shares.map((share) => ({
        accountId: share.accountId,
        role: RewardRole[share.role],
        assetId: share.assetId,
        userAccountId: accountId,
        amountUsdMicros: share.amountUsdMicros,
        amountPoints: pointsRoundedDown(share.amountUsdMicros, points),
      })),
    };
  };
}
