import type { MethodImpl } from "@connectrpc/connect";
import type { EarningsBucket as EarningsBucketName } from "../../domain/earnings.js";
import { TollgateError } from "../../domain/errors.js";
import { pointsRoundedDown } from "../../domain/points.js";
import { MICROS_PER_DAY } from "../../domain/time.js";
import { RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import {
  EarningsBucket,
  EarningsGroup,
  type RewardsService,
} from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { timeRange, toTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";

const MOST_BUCKETS = 5_000;

export function getEarnings({
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof RewardsService.method.getEarnings> {
  return async ({ accountId, startTime, endTime, bucket, groupBy }) => {
    const range = timeRange(startTime, endTime);
    const length = (bucket === EarningsBucket.UNSPECIFIED ? "DAY" : EarningsBucket[bucket]) as EarningsBucketName;
    const byAsset = groupBy === EarningsGroup.ASSET;
    const buckets = await store.earnings({ accountId, ...range }, length, byAsset, MOST_BUCKETS + 1);
    if (buckets.length > MOST_BUCKETS) {
      const description = `this range has more than the ${MOST_BUCKETS} buckets that an answer takes: narrow it, or take a wider bucket`;
      throw TollgateError.invalid([{ field: "bucket", description }]);
    }
    const grossUsdMicros = buckets.reduce((sum, each) => sum + each.earnedUsdMicros, 0n);
    const clawedBackUsdMicros = buckets.reduce((sum, each) => sum + each.clawedBackUsdMicros, 0n);
    const totalUsdMicros = grossUsdMicros - clawedBackUsdMicros;
    return {
      totalUsdMicros,
      grossUsdMicros,
      clawedBackUsdMicros,
      totalPoints: pointsRoundedDown(totalUsdMicros, points),
      buckets: buckets.map((each) => ({
        startTime: toTimestamp(each.firstDay * MICROS_PER_DAY),
        asset: each.asset?.assetId ?? "",
        role: each.asset ? RewardRole[each.asset.role] : RewardRole.UNSPECIFIED,
        earnedUsdMicros: each.earnedUsdMicros,
        clawedBackUsdMicros: each.clawedBackUsdMicros,
        uses: each.uses,
      })),
    };
  };
}
