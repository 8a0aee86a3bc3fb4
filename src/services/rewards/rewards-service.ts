import type { ServiceImpl } from "@connectrpc/connect";
import type { RewardsService } from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import type { ServiceDependencies } from "../dependencies.js";
import { getEarnings } from "./earnings.js";
import { listAssetUsage } from "./list-asset-usage.js";
import { listRewards } from "./list-rewards.js";
import { previewRewards } from "./preview-rewards.js";
import { getRewardPolicy, listRewardPolicies, setRewardPolicy } from "./reward-policies.js";

/** Every RPC of RewardsService. Requests have been validated by the interceptors. */
export function rewardsService(dependencies: ServiceDependencies): ServiceImpl<typeof RewardsService> {
  return {
    previewRewards: previewRewards(dependencies),
    getEarnings: getEarnings(dependencies),
    listRewards: listRewards(dependencies),
    listAssetUsage: listAssetUsage(dependencies),
    setRewardPolicy: setRewardPolicy(dependencies),
    getRewardPolicy: getRewardPolicy(dependencies),
    listRewardPolicies: listRewardPolicies(dependencies),
  };
}
