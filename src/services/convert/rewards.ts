import type { MessageInitShape } from "@bufbuild/protobuf";
import { ADR_012_POLICY, type RewardPolicy } from "../../domain/fees.js";
import type { RewardRow } from "../../domain/ledger/rows.js";
import { type PointsRate, pointsRoundedDown } from "../../domain/points.js";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import {
  RewardPolicyKind,
  type RewardPolicySchema,
  RewardRole,
  type RewardSchema,
  type RewardPolicy as WireRewardPolicy,
} from "../../gen/stationthis/rewards/v1/rewards_pb.js";
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

/** A policy with the rates that its kind has. */
export function toRewardPolicy(policy: RewardPolicyRow): MessageInitShape<typeof RewardPolicySchema> {
  const { policyId, kind, loraFeeBps, spellFeeBps, spellCreatorBps, poolBps } = policy;
  return {
    policyId,
    kind: RewardPolicyKind[kind],
    ...(kind === "ADR_012" ? { loraFeeBps, spellFeeBps, spellCreatorBps } : { poolBps }),
    effectiveTime: toTimestamp(policy.effectiveTime),
    createTime: toTimestamp(policy.createTime),
  };
}

/** A validated policy, with its defaults: those of ADR-012. */
export function fromRewardPolicy(policy: WireRewardPolicy): Omit<RewardPolicy, "policyId"> {
  if (policy.kind === RewardPolicyKind.SHARED_POOL) {
    return {
      kind: "SHARED_POOL",
      ...{ loraFeeBps: 0, spellFeeBps: 0, spellCreatorBps: 0 },
      poolBps: policy.poolBps ?? 0,
    };
  }
  return {
    kind: "ADR_012",
    loraFeeBps: policy.loraFeeBps ?? ADR_012_POLICY.loraFeeBps,
    spellFeeBps: policy.spellFeeBps ?? ADR_012_POLICY.spellFeeBps,
    spellCreatorBps: policy.spellCreatorBps ?? ADR_012_POLICY.spellCreatorBps,
    poolBps: 0,
  };
}
