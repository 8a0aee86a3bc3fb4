import type { Generation } from "../domain/generation/generation.js";
import type {
  AuditedRequest,
  AuditedReward,
  AuditedTransaction,
  AuditView,
  RequestKey,
  RequestRecord,
} from "../storage/store.js";
import { checkGeneration } from "./generation-checks.js";
import { checkSettlement } from "./settlement-checks.js";
import type { Walker } from "./slices.js";
import { checkRequest, checkReward, checkTransaction } from "./transaction-checks.js";
import type { ViolationCollector } from "./violations.js";

/** Checks every transaction with its entries, its request's record and, of a settlement, its generation. */
export async function walkTransactions(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const slices = walker.slices<AuditedTransaction>("transactions", (last) =>
    view.transactionsAfter(last?.transaction.transactionId ?? "", walker.limit),
  );
  for await (const slice of slices) {
    const requests = await requestsByKey(view, slice);
    const generations = await settledGenerations(view, slice);
    for (const audited of slice) {
      violations.add(checkTransaction(audited, requests.get(keyOf(audited.transaction))));
      violations.add(checkSettlement(audited, generations.get(audited.transaction.generationId)));
    }
  }
}

/** Checks every generation against the settlements that name it. */
export async function walkGenerations(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const slices = walker.slices<Generation>("generations", (last) =>
    view.generationsAfter(last?.generationId ?? "", walker.limit),
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

/** Checks that every reward belongs to a transaction and every request's record to what the request did. */
export async function walkStrays(view: AuditView, walker: Walker, violations: ViolationCollector): Promise<void> {
  const { limit } = walker;
  for await (const slice of walker.slices<AuditedReward>("rewards", (last) =>
    view.rewardsAfter(last ?? BEFORE_REWARDS, limit),
  )) {
    for (const reward of slice) violations.add(checkReward(reward));
  }
  for await (const slice of walker.slices<AuditedRequest>("requests", (last) =>
    view.requestsAfter(last ?? BEFORE_REQUESTS, limit),
  )) {
    for (const request of slice) violations.add(checkRequest(request));
  }
}

const BEFORE_REWARDS = { transactionId: "", position: 0 };
const BEFORE_REQUESTS = { caller: "", requestId: "" };

async function requestsByKey(
  view: AuditView,
  slice: readonly AuditedTransaction[],
): Promise<ReadonlyMap<string, RequestRecord>> {
  const records = await view.requestsOf(slice.map(({ transaction }) => transaction.transactionId));
  return new Map(records.map((record) => [keyOf(record), record]));
}

async function settledGenerations(
  view: AuditView,
  slice: readonly AuditedTransaction[],
): Promise<ReadonlyMap<string, Generation>> {
  const settlements = slice.filter(({ transaction }) => transaction.type === "GENERATION_SETTLEMENT");
  const generations = await view.generations(settlements.map(({ transaction }) => transaction.generationId));
  return new Map(generations.map((generation) => [generation.generationId, generation]));
}

function keyOf({ caller, requestId }: RequestKey): string {
  return JSON.stringify([caller, requestId]);
}
