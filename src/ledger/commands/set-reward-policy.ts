import type { RewardPolicy } from "../../domain/fees.js";
import { effectiveFrom, type RewardPolicyRow } from "../../domain/reward-policies.js";
import type { EpochMicros } from "../../domain/time.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";

export interface SetRewardPolicyInput {
  readonly request: IdempotentRequest;
  readonly policy: RewardPolicy;
  /** undefined means now. */
  readonly effectiveTime: EpochMicros | undefined;
}

/** Sets the policy for generations created from a time on. Refuses with INVALID_FIELDS if that time is past or too far ahead. */
export function setRewardPolicy(
  input: SetRewardPolicyInput,
): Command<Idempotent<{ readonly policy: RewardPolicyRow }>> {
  const { policyId } = input.policy;
  return {
    name: "SetRewardPolicy",
    requests: [input.request],
    accounts: () => [],
    apply(set) {
      const before = recorded(set, input.request, policyId);
      if (before) return before;
      const effectiveTime = effectiveFrom(input.effectiveTime, set.now);
      const policy: RewardPolicyRow = { ...input.policy, effectiveTime, createTime: set.now };
      set.addRewardPolicy(policy);
      set.record(input.request, "REWARD_POLICY", policyId);
      return { kind: "done", policy };
    },
  };
}
