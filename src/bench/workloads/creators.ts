import type { MessageInitShape } from "@bufbuild/protobuf";
import { MICROS_PER_SECOND } from "../../domain/time.js";
import {
  EarningsBucket,
  EarningsGroup,
  type ListRewardsRequestSchema,
  RewardsService,
} from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import type { Caller } from "../caller.js";
import { BIG_CREATOR, planOf, type RewardPlan } from "../rewards/reward-plan.js";
import type { Workload } from "../workload.js";

/** Rows in a page, the largest there is. */
const PAGE_SIZE = 500;
const BIG = { accountId: BIG_CREATOR };

/** What all of these have in common: a creator with millions of rewards, one call at a time, its time in milliseconds against a goal in milliseconds. */
const OF_CREATOR = {
  store: "postgres",
  data: "rewards",
  referenceName: "one millisecond",
  figure: "p95Ms",
  calls: 200,
} as const;
const EARNINGS_GOAL = { floor: 100, target: 50, isBetter: "lower" } as const;
const PAGE_GOAL = { floor: 40, target: 20, isBetter: "lower" } as const;

/** Everything a creator ever earned, by day. */
export const EARNINGS_BY_DAY: Workload = earnings("earnings-by-day", {});

/** Everything a creator ever earned, by month and asset. */
export const EARNINGS_BY_ASSET: Workload = earnings("earnings-by-asset", {
  bucket: EarningsBucket.MONTH,
  groupBy: EarningsGroup.ASSET,
});

/** The newest page of everything. */
export const REWARDS_FIRST: Workload = pages("rewards-first", () => ({}));

/** A page in the middle of one asset's. */
export const REWARDS_MIDDLE: Workload = pages("rewards-middle", (plan) => ({
  assetId: "asset-7",
  endTime: timeAt(plan, 0.5),
}));

/** The page right before the last ones of everything. */
export const REWARDS_LAST: Workload = pages("rewards-last", (plan) => ({ endTime: timeAt(plan, 0.001) }));

function earnings(
  name: "earnings-by-day" | "earnings-by-asset",
  how: { readonly bucket?: EarningsBucket; readonly groupBy?: EarningsGroup },
): Workload {
  return {
    ...OF_CREATOR,
    name,
    goal: EARNINGS_GOAL,
    async prepare({ caller }) {
      const { method } = RewardsService;
      const request = { ...BIG, ...how };
      return {
        run: (calls) => caller.measure(method.getEarnings, Array(calls).fill(request), 1),
        reference: async () => 1,
      };
    },
  };
}

type PageRequest = MessageInitShape<typeof ListRewardsRequestSchema>;

function pages(
  name: "rewards-first" | "rewards-middle" | "rewards-last",
  filterOf: (plan: RewardPlan) => PageRequest,
): Workload {
  return {
    ...OF_CREATOR,
    name,
    goal: PAGE_GOAL,
    async prepare({ caller, rewards }) {
      const filter = { ...BIG, ...filterOf(planOf(rewards)), pageSize: PAGE_SIZE };
      const pageToken = name === "rewards-first" ? "" : await nextPageOf(caller, filter);
      return {
        run: (calls) =>
          caller.measure(RewardsService.method.listRewards, Array(calls).fill({ ...filter, pageToken }), 1),
        reference: async () => 1,
      };
    },
  };
}

/** The token of the page after the first, so that what is measured goes on from a position, as a reader in the middle of a list does. */
async function nextPageOf(caller: Caller, filter: PageRequest): Promise<string> {
  const [page] = await caller.require(RewardsService.method.listRewards, [filter]);
  return page?.nextPageToken ?? "";
}

/** The time at which a share of all rewards was paid. */
function timeAt({ endTime, days }: RewardPlan, share: number): { seconds: bigint } {
  return { seconds: endTime / MICROS_PER_SECOND - BigInt(Math.round(days * 86_400 * (1 - share))) };
}
