import type { MethodImpl } from "@connectrpc/connect";
import { chargeTo } from "../../domain/generation/settlement.js";
import { pointsRoundedDown } from "../../domain/points.js";
import { RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import type { RewardsService } from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { fromAttribution } from "../convert/generation.js";
import { nowMicros } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";

export function previewRewards({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.previewRewards> {
  return async ({ baseCostUsdMicros, accountId, payerAccountId, attribution }) => {
    const rewardPolicy = await store.currentRewardPolicy(nowMicros());
    const terms = { accountId, attribution: fromAttribution(attribution), rewardPolicy };
    const { fee } = chargeTo(payerAccountId || accountId, terms, baseCostUsdMicros);
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
