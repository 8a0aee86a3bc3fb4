import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RewardRow } from "../../domain/ledger/rows.js";
import { type PointsRate, pointsRoundedDown } from "../../domain/points.js";
import { RewardRole, type RewardSchema } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import { toTimestamp } from "./time.js";

export function toReward(reward: RewardRow, points: PointsRate): MessageInitShape<typeof RewardSchema> {
  return {
    rewardId: `${reward.transactionId}.${reward.position}`,
    accountId: reward.accountId,
    role: RewardRole[reward.role],
    assetId: reward.assetId,
    generationId: reward.generationId,
    transactionId: reward.transactionId,
    userAccountId: reward.userAccountId,
    amountUsdMicros: reward.amountUsdMicros,
    amountPoints: pointsRoundedDown(reward.amountUsdMicros, points),
    clawedBackUsdMicros: reward.clawedBackUsdMicros,
    createTime: toTimestamp(reward.createTime),
  };
}
