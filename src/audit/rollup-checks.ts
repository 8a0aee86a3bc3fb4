import type { CreatorAsset } from "../domain/earnings.js";
import type { AssetDayToCheck, AssetUsersToCheck, ClawbackToCheck, RewardFound } from "../storage/audit-store.js";
import { type Finding, finding } from "./violations.js";

/** Checks the sums that a creator's earnings are read from against what they are the sums of. */
export function* checkAssetDay(assetDay: AssetDayToCheck): Generator<Finding> {
  const { sums } = assetDay;
  const row = `${nameOf(assetDay)} day ${assetDay.day}`;
  for (const [what, said, summed] of [
    ["earned", assetDay.earnedUsdMicros, sums.earnedUsdMicros],
    ["clawed back", assetDay.clawedBackUsdMicros, sums.clawedBackUsdMicros],
    ["uses", assetDay.uses, sums.uses],
    ["last used at", assetDay.lastUsedTime, sums.lastUsedTime],
  ] as const) {
    if (said !== summed) yield finding("asset-day-is-sum", row, `${what} ${said}, by its rows ${summed}`);
  }
  if (assetDay.newUsers < 0n || assetDay.newUsers > assetDay.uses) {
    yield finding("asset-users-are-counted", row, `${assetDay.newUsers} new users in ${assetDay.uses} uses`);
  }
}

/** Checks how many users an asset has against those who are known. */
export function* checkAssetUsers(asset: AssetUsersToCheck): Generator<Finding> {
  if (asset.newUsers === asset.users) return;
  const detail = `its days count ${asset.newUsers} new users, known are ${asset.users}`;
  yield finding("asset-users-are-counted", nameOf(asset), detail);
}

/** Checks that a reward is in a sum at all, and its user among its asset's users. */
export function* checkRewardRollup(reward: RewardFound): Generator<Finding> {
  const row = `transaction ${reward.transactionId} reward ${reward.position}`;
  if (!reward.hasDay) {
    yield finding("reward-is-in-asset-day", row, "there is no sum of its asset for its day");
  }
  if (!reward.hasUser) {
    yield finding("asset-users-are-counted", row, "its user isn't known as one of its asset since its day or before");
  }
}

/** Checks that a clawback is in a sum at all. */
export function* checkClawbackRollup(clawback: ClawbackToCheck): Generator<Finding> {
  if (clawback.hasDay) return;
  const row = `transaction ${clawback.transactionId} clawback ${clawback.position}`;
  yield finding("reward-is-in-asset-day", row, "there is no sum of its asset for its day");
}

function nameOf({ accountId, assetId, role }: CreatorAsset): string {
  return `account ${accountId} asset ${assetId} as ${role}`;
}
