import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import { TollgateError } from "../../domain/errors.js";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import {
  ListRewardPoliciesRequestSchema,
  type RewardsService,
  SetRewardPolicyRequestSchema,
} from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { setRewardPolicy as setCommand } from "../../ledger/commands/set-reward-policy.js";
import type { RewardPolicyCursor, RewardPolicyStore } from "../../storage/read-store.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { fromRewardPolicy, toRewardPolicy } from "../convert/rewards.js";
import { fromTimestamp, nowMicros } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { idempotentRequest, pageBinding } from "../requests.js";

export function setRewardPolicy({
  writer,
  store,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.setRewardPolicy> {
  return async (request, context) => {
    if (!request.policy) throw new Error("validated, but without a policy");
    const command = setCommand({
      request: idempotentRequest(SetRewardPolicyRequestSchema, request, callOf(context).caller),
      policy: { policyId: uuidv7(), ...fromRewardPolicy(request.policy) },
      effectiveTime: fromTimestamp(request.policy.effectiveTime),
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") return { policy: toRewardPolicy(done.policy) };
    if (done.isReplay) markReplayed(context);
    return { policy: toRewardPolicy(await requirePolicy(store, done.resourceId)) };
  };
}

export function getRewardPolicy({
  store,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.getRewardPolicy> {
  return async ({ atTime, policyId }) => {
    if (policyId !== "") return { policy: toRewardPolicy(await requirePolicy(store, policyId)) };
    const time = fromTimestamp(atTime);
    const policy = time === undefined ? await store.currentRewardPolicy(nowMicros()) : await store.rewardPolicyAt(time);
    return { policy: toRewardPolicy(policy) };
  };
}

export function listRewardPolicies({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.listRewardPolicies> {
  return async (request, context) => {
    const binding = pageBinding(ListRewardPoliciesRequestSchema, request, callOf(context).caller);
    const position = pageTokens.read(request.pageToken, binding);
    const page = await store.listRewardPolicies(position && toCursor(position), pageSizeOf(request.pageSize));
    return {
      policies: page.rows.map(toRewardPolicy),
      nextPageToken: page.next ? pageTokens.issue(fromCursor(page.next), binding) : "",
    };
  };
}

/** @throws TollgateError POLICY_NOT_FOUND */
async function requirePolicy(store: RewardPolicyStore, policyId: string): Promise<RewardPolicyRow> {
  const policy = await store.rewardPolicy(policyId);
  if (!policy) throw TollgateError.of("POLICY_NOT_FOUND", { policy_id: policyId });
  return policy;
}

function fromCursor({ effectiveTime, createTime, policyId }: RewardPolicyCursor): string[] {
  return [String(effectiveTime), String(createTime), policyId];
}

function toCursor([effectiveTime, createTime, policyId]: readonly string[]): RewardPolicyCursor {
  return {
    effectiveTime: BigInt(effectiveTime as string),
    createTime: BigInt(createTime as string),
    policyId: policyId as string,
  };
}
