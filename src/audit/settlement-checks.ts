import { publicAccountId } from "../domain/accounts.js";
import type { GenerationToCheck, TransactionToCheck } from "../storage/audit-store.js";
import { sumsByAccount } from "./sums.js";
import { type Finding, finding } from "./violations.js";

/**
 * Checks a transaction against the generation it pays for (rules 8.4, 8.5): who was charged what, and that the fee, the rewards and the creators'
 * entries say the same. Of other transactions, only that they have no rewards.
 */
export function* checkSettlement(audited: TransactionToCheck): Generator<Finding> {
  const { transaction, rewards, generation } = audited;
  const row = `transaction ${transaction.transactionId}`;
  if (transaction.type !== "GENERATION_SETTLEMENT") {
    const reward = rewards[0];
    const detail = `its transaction is of type ${transaction.type}`;
    if (reward) yield finding("reward-has-settlement", `${row} reward ${reward.position}`, detail);
    return;
  }
  yield* checkNames(audited);
  yield* checkRewards(audited);
  if (generation) yield* checkCharge(audited, generation);
}

function* checkNames({ transaction, generation }: TransactionToCheck): Generator<Finding> {
  const row = `transaction ${transaction.transactionId}`;
  if (!generation) {
    const detail = `names generation ${transaction.generationId}, which doesn't exist`;
    yield finding("settlement-has-generation", row, detail);
  } else if (generation.transactionId !== transaction.transactionId || generation.state !== "COMPLETED") {
    const named = generation.transactionId || "none";
    const detail = `generation ${generation.generationId} is ${generation.state} and names transaction ${named}`;
    yield finding("settlement-has-generation", row, detail);
  }
}

function* checkCharge(
  { transaction, postings }: TransactionToCheck,
  generation: GenerationToCheck,
): Generator<Finding> {
  const row = `transaction ${transaction.transactionId}`;
  const base = generation.baseCostUsdMicros ?? 0n;
  const total = base + generation.feeUsdMicros;
  const takers = postings.filter((posting) => posting.amountUsdMicros < 0n);
  const charged = takers.map((posting) => posting.accountId).join(", ");
  if (charged !== generation.chargedAccountId) {
    const detail = `takes from ${charged || "nobody"}, its generation names ${generation.chargedAccountId || "nobody"}`;
    yield finding("settlement-charges-named-account", row, detail);
  }
  const taken = takers.reduce((sum, posting) => sum - posting.amountUsdMicros, 0n);
  if (taken !== total) {
    const detail = `takes ${taken}, its generation costs ${base} and a fee of ${generation.feeUsdMicros}`;
    yield finding("settlement-takes-base-and-fee", row, detail);
  }
  const revenue = postings.filter((posting) => publicAccountId(posting.accountId) === "sys:revenue");
  const paid = revenue.reduce((sum, posting) => sum + posting.amountUsdMicros, 0n);
  if (transaction.rewardPolicyId !== generation.rewardPolicyId) {
    const detail = `names policy ${transaction.rewardPolicyId || "none"}, its generation ${generation.rewardPolicyId}`;
    yield finding("settlement-names-policy", row, detail);
  }
  if (paid !== base) yield finding("settlement-pays-base", row, `gives ${paid} to revenue, the base is ${base}`);
}

function* checkRewards({ transaction, postings, rewards, generation }: TransactionToCheck): Generator<Finding> {
  const row = `transaction ${transaction.transactionId}`;
  const stray = rewards.find((reward) => reward.generationId !== transaction.generationId);
  if (stray) {
    const detail = `names generation ${stray.generationId} instead of ${transaction.generationId}`;
    yield finding("reward-has-settlement", `${row} reward ${stray.position}`, detail);
  }
  const sum = rewards.reduce((total, reward) => total + reward.amountUsdMicros, 0n);
  if (generation && generation.feeUsdMicros !== sum) {
    const detail = `its rewards sum to ${sum}, its generation's fee is ${generation.feeUsdMicros}`;
    yield finding("fee-is-sum-of-rewards", row, detail);
  }
  const received = postings.filter(
    (posting) => posting.amountUsdMicros > 0n && publicAccountId(posting.accountId) !== "sys:revenue",
  );
  const rewarded = sumsByAccount(rewards);
  for (const [accountId, amount] of sumsByAccount(received)) {
    const promised = rewarded.get(accountId) ?? 0n;
    rewarded.delete(accountId);
    if (amount === promised) continue;
    const detail = `${accountId} gets ${amount}, rewarded are ${promised}`;
    yield finding("rewards-are-creator-entries", row, detail);
  }
  for (const [accountId, promised] of rewarded) {
    yield finding("rewards-are-creator-entries", row, `${accountId} gets 0, rewarded are ${promised}`);
  }
}
