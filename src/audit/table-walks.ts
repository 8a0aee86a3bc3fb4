import type {
  AuditedRequest,
  AuditView,
  ClawbackToCheck,
  GenerationToCheck,
  RewardToCheck,
  TransactionToCheck,
} from "../storage/store.js";
import { checkGeneration } from "./generation-checks.js";
import { checkClawback } from "./refund-checks.js";
import { checkSettlement } from "./settlement-checks.js";
import type { Walker } from "./slices.js";
import { checkRequest, checkReward, checkTransaction } from "./transaction-checks.js";
import type { ViolationCollector } from "./violations.js";

/** Checks every transaction with its entries, its request's record and, of a settlement, its generation. */
export async function walkTransactions(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const slices = walker.slices<TransactionToCheck>("transactions", (last) =>
    view.transactionsToCheckAfter(last?.transaction.transactionId ?? "", walker.limit),
  );
  for await (const slice of slices) {
    for (const audited of slice) {
      violations.add(checkTransaction(audited));
      violations.add(checkSettlement(audited));
    }
  }
}

/** Checks every generation against the settlements that name it. */
export async function walkGenerations(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const slices = walker.slices<GenerationToCheck>("generations", (last) =>
    view.generationsToCheckAfter(last?.generationId ?? "", walker.limit),
  );
  for await (const slice of slices) {
    const settlements = new Map<string, string[]>();
    for (const [generationId, id] of await view.settlementsOf(slice.map((generation) => generation.generationId))) {
      settlements.set(generationId, [...(settlements.get(generationId) ?? []), id]);
    }
    for (const generation of slice) {
      violations.add(checkGeneration(generation, settlements.get(generation.generationId) ?? []));
    }
  }
}

/** Checks that every reward belongs to a transaction, every clawback to a reward and every request's record to what the request did. */
export async function walkStrays(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const { limit } = walker;
  for await (const slice of walker.slices("rewards", (last: RewardToCheck | undefined) =>
    view.rewardsAfter(last ?? BEFORE_REWARDS, limit),
  )) {
    for (const reward of slice) violations.add(checkReward(reward));
  }
  for await (const slice of walker.slices<ClawbackToCheck>("clawbacks", (last) =>
    view.clawbacksAfter(last ?? BEFORE_REWARDS, limit),
  )) {
    for (const clawback of slice) violations.add(checkClawback(clawback));
  }
  for await (const slice of walker.slices<AuditedRequest>("requests", (last) =>
    view.requestsAfter(last ?? BEFORE_REQUESTS, limit),
  )) {
    for (const request of slice) violations.add(checkRequest(request));
  }
}

const BEFORE_REWARDS = { transactionId: "", position: 0 };
const BEFORE_REQUESTS = { caller: "", requestId: "" };
