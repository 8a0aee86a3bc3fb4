import { TollgateError } from "./errors.js";
import type { RewardPolicy } from "./fees.js";
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_SECOND } from "./time.js";

/** A policy as it is kept: never changed once it is set, so what was in force at a time stays what was in force then. */
export interface RewardPolicyRow extends RewardPolicy {
  /** In force from here on, until another one is. */
  readonly effectiveTime: EpochMicros;
  readonly createTime: EpochMicros;
}

/** How far a caller's clock may lag behind the store's. */
const SKEW_MICROS = 60n * MICROS_PER_SECOND;
const FURTHEST_AHEAD_MICROS = 366n * MICROS_PER_DAY;

/**
 * When a policy set now comes into force: not before now, or generations that exist would have been created under a policy that wasn't there. A little in the past counts as now.
 * @param asked undefined means now
 * @throws TollgateError INVALID_FIELDS
 */
export function effectiveFrom(asked: EpochMicros | undefined, now: EpochMicros): EpochMicros {
  if (asked === undefined) return now;
  if (asked < now - SKEW_MICROS || asked > now + FURTHEST_AHEAD_MICROS) {
    const description = "takes a time that isn't past and at most 366 days ahead";
    throw TollgateError.invalid([{ field: "policy.effective_time", description }]);
  }
  return asked < now ? now : asked;
}

/** Which of the policies is in force at a time: the one that came into force last; of two at once, the one set later. @returns undefined if none is */
export function policyInForce(policies: readonly RewardPolicyRow[], time: EpochMicros): RewardPolicyRow | undefined {
  return policies
    .filter((policy) => policy.effectiveTime <= time)
    .reduce<RewardPolicyRow | undefined>(
      (latest, policy) => (latest && comesBefore(policy, latest) ? latest : policy),
      undefined,
    );
}

function comesBefore(a: RewardPolicyRow, b: RewardPolicyRow): boolean {
  if (a.effectiveTime !== b.effectiveTime) return a.effectiveTime < b.effectiveTime;
  if (a.createTime !== b.createTime) return a.createTime < b.createTime;
  return a.policyId < b.policyId;
}

/** What a generation keeps of the policy it is created under. */
export function policyTerms({ effectiveTime: _, createTime: __, ...terms }: RewardPolicyRow): RewardPolicy {
  return terms;
}
