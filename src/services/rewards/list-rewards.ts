import type { MethodImpl } from "@connectrpc/connect";
import type { RewardRole as RewardRoleName } from "../../domain/fees.js";
import { RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import { ListRewardsRequestSchema, type RewardsService } from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import type { RewardCursor } from "../../storage/read-store.js";
import { callOf } from "../call.js";
import { toReward } from "../convert/rewards.js";
import { timeRange } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

export function listRewards({
  store,
  points,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.listRewards> {
  return async (request, context) => {
    const { accountId, assetId } = request;
    const binding = pageBinding(ListRewardsRequestSchema, request, callOf(context).caller);
    const position = pageTokens.read(request.pageToken, binding);
    const role = request.role === RewardRole.UNSPECIFIED ? undefined : (RewardRole[request.role] as RewardRoleName);
    const page = await store.listRewards(
      { accountId, assetId, role, ...timeRange(request.startTime, request.endTime) },
      position && toCursor(position),
      pageSizeOf(request.pageSize),
    );
    return {
      rewards: page.rows.map((reward) => toReward(reward, points)),
      nextPageToken: page.next ? pageTokens.issue(fromCursor(page.next), binding) : "",
    };
  };
}

function fromCursor({ createTime, transactionId, position }: RewardCursor): string[] {
  return [String(createTime), transactionId, String(position)];
}

function toCursor([createTime, transactionId, position]: readonly string[]): RewardCursor {
  return {
    createTime: BigInt(createTime as string),
    transactionId: transactionId as string,
    position: Number(position),
  };
}
