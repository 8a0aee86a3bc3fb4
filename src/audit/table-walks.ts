import type {
  AssetDayToCheck,
  AssetUsersToCheck,
  AuditCounts,
  AuditedRequest,
  AuditView,
  ClawbackToCheck,
  RewardFound,
  Whence,
} from "../storage/audit-store.js";
import { checkGeneration } from "./generation-checks.js";
import { checkClawback } from "./refund-checks.js";
import { checkAssetDay, checkAssetUsers } from "./rollup-checks.js";
import { checkSettlement } from "./settlement-checks.js";
import type { ReadAfter, Walker } from "./slices.js";
import { checkRequest, checkReward, checkTransaction } from "./transaction-checks.js";
import type { Findings, ViolationCollector } from "./violations.js";

/** Checks every transaction with its entries, its request's record and, of a settlement, its generation. Reads only those that the store doesn't see to be right by itself (docs/decisions/0032). */
export async function walkTransactions(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const check = async (ids: readonly string[], whence: Whence): Promise<void> => {
    for (const audited of await view.transactionsToCheck(ids, whence)) {
      violations.add(checkTransaction(audited));
      violations.add(checkSettlement(audited));
    }
  };
  for await (const ids of walker.oddSlices(view, "transactions")) await check(ids, "a walk");
  const unrecorded = walker.found<string>((last = "") => view.unrecordedAfter(last, walker.limit));
  for await (const ids of unrecorded) await check(ids, "from all over");
}

/** Checks every generation against the settlements that name it; reads only odd ones, as above. */
export async function walkGenerations(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  for await (const ids of walker.oddSlices(view, "generations")) {
    const settlements = new Map<string, string[]>();
    for (const [generationId, id] of await view.settlementsOf(ids)) {
      settlements.set(generationId, [...(settlements.get(generationId) ?? []), id]);
    }
    for (const generation of await view.generationsToCheck(ids)) {
      violations.add(checkGeneration(generation, settlements.get(generation.generationId) ?? []));
    }
  }
}

/**
 * Checks that every reward belongs to a transaction, every clawback to a reward and every request's record to what the request did. The store looks for those that don't, in one statement a table.
 * @param counts of all rows
 */
export async function walkStrays(
  view: AuditView,
  walker: Walker,
  counts: AuditCounts,
  violations: ViolationCollector,
): Promise<void> {
  const walk = async <Row>(
    table: keyof AuditCounts,
    readAfter: ReadAfter<Row>,
    check: (row: Row) => Findings,
  ): Promise<void> => {
    for await (const strays of walker.found(readAfter)) {
      for (const stray of strays) violations.add(check(stray));
    }
    walker.passed(table, counts[table]);
  };
  const { limit } = walker;
  await walk<RewardFound>("rewards", (last) => view.rewardsAfter(last ?? BEFORE_REWARDS, limit, "strays"), checkReward);
  await walk<ClawbackToCheck>(
    "clawbacks",
    (last) => view.clawbacksAfter(last ?? BEFORE_REWARDS, limit, "strays"),
    checkClawback,
  );
  await walk<AuditedRequest>(
    "requests",
    (last) => view.requestsAfter(last ?? BEFORE_REQUESTS, limit, "strays"),
    checkRequest,
  );
}

/** Checks what creators' earnings are read from against the rewards and clawbacks that it sums up. */
export async function walkRollups(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const { limit } = walker;
  const days = walker.slices<AssetDayToCheck>("assetDays", (last) =>
    view.assetDaysToCheckAfter(last ?? BEFORE_ASSET_DAYS, limit),
  );
  for await (const slice of days) {
    for (const day of slice) violations.add(checkAssetDay(day));
  }
  const assets = walker.found<AssetUsersToCheck>((last) =>
    view.assetUsersToCheckAfter(last ?? BEFORE_ASSET_DAYS, limit),
  );
  for await (const slice of assets) {
    for (const asset of slice) violations.add(checkAssetUsers(asset));
  }
}

const BEFORE_REWARDS = { transactionId: "", position: 0 };
/** No account's name is empty. */
const BEFORE_ASSET_DAYS = { accountId: "", assetId: "", role: "LORA_OWNER", day: 0n } as const;
const BEFORE_REQUESTS = { caller: "", requestId: "" };
