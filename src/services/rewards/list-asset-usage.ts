import type { MethodImpl } from "@connectrpc/connect";
import type { RewardRole as RewardRoleName } from "../../domain/fees.js";
import { RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import {
  ListAssetUsageRequestSchema,
  type RewardsService,
} from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { callOf } from "../call.js";
import { toTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

export function listAssetUsage({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.listAssetUsage> {
  return async (request, context) => {
    const binding = pageBinding(ListAssetUsageRequestSchema, request, callOf(context).caller);
    const [assetId, role] = pageTokens.read(request.pageToken, binding) ?? [];
    const cursor = assetId === undefined ? undefined : { assetId, role: role as RewardRoleName };
    const page = await store.listAssetUsage(request.accountId, cursor, pageSizeOf(request.pageSize));
    return {
      assetUsages: page.rows.map(({ role, lastUsedTime, ...usage }) => ({
        role: RewardRole[role],
        lastUsedTime: toTimestamp(lastUsedTime),
        // Last, as wherever there are many: before fields that are new to it each object would get a hidden class of its own (docs/decisions/0043).
        ...usage,
      })),
      nextPageToken: page.next ? pageTokens.issue([page.next.assetId, page.next.role], binding) : "",
    };
  };
}
