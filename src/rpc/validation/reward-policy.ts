import { ADR_012_POLICY } from "../../domain/fees.js";
import { type RewardPolicy, RewardPolicyKind } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import type { GetRewardPolicyRequest } from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { ifSet, integer, nested, type Problems, type Rule, specified, timestamp } from "./rules.js";

/** Hundredths of a per cent. */
const bps = ifSet(integer(0, 10_000));

const poolBps: Rule<number | undefined> = (value, field, problems) => {
  if (value === undefined) problems.add(field, "is required for SHARED_POOL");
  else bps(value, field, problems);
};

function leftOut(kind: string): Rule<number | undefined> {
  return (value, field, problems) => {
    if (value !== undefined) problems.add(field, `is left out for ${kind}`);
  };
}

const common = { kind: specified(RewardPolicyKind), effectiveTime: ifSet(timestamp) };
const ofPool = nested<RewardPolicy>({
  ...common,
  loraFeeBps: leftOut("SHARED_POOL"),
  spellFeeBps: leftOut("SHARED_POOL"),
  spellCreatorBps: leftOut("SHARED_POOL"),
  poolBps,
});
const ofAdr012 = nested<RewardPolicy>({
  ...common,
  loraFeeBps: bps,
  spellFeeBps: bps,
  spellCreatorBps: bps,
  poolBps: leftOut("ADR_012"),
});

/** A policy to set: its own kind's rates and no others. */
export const rewardPolicy: Rule<RewardPolicy> = (value, field, problems) => {
  const isPool = value.kind === RewardPolicyKind.SHARED_POOL;
  const problemsBefore = problems.violations.length;
  (isPool ? ofPool : ofAdr012)(value, field, problems);
  if (isPool || problems.violations.length > problemsBefore) return;
  const spellFeeBps = value.spellFeeBps ?? ADR_012_POLICY.spellFeeBps;
  if ((value.spellCreatorBps ?? ADR_012_POLICY.spellCreatorBps) > spellFeeBps) {
    problems.add(`${field}.spell_creator_bps`, `takes 0 to ${spellFeeBps}, the spell_fee_bps that it is a part of`);
  }
};

/** A policy is named by its id or by a time. */
export function policyOrTime({ atTime, policyId }: GetRewardPolicyRequest, problems: Problems): void {
  if (atTime && policyId !== "") problems.add("policy_id", "is left out where at_time is given");
}
