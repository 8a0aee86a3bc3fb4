import { createHash, randomUUID } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { ADR_012_POLICY, type RewardPolicy } from "../../src/domain/fees.js";
import type { Tool } from "../../src/domain/generation/generation.js";
import type { IdempotentRequest } from "../../src/ledger/command.js";
import { type CompleteGenerationInput, completeGeneration } from "../../src/ledger/commands/complete-generation.js";
import { type CreateGenerationInput, createGeneration } from "../../src/ledger/commands/create-generation.js";
import { type CreditInput, credit } from "../../src/ledger/commands/credit.js";
import { type DebitInput, debit } from "../../src/ledger/commands/debit.js";
import { type CaptureHoldInput, captureHold, releaseHold } from "../../src/ledger/commands/end-hold.js";
import { type PlaceHoldInput, placeHold } from "../../src/ledger/commands/place-hold.js";
import { type RefundTransactionInput, refundTransaction } from "../../src/ledger/commands/refund-transaction.js";
import { type RetryPaymentInput, retryPayment } from "../../src/ledger/commands/retry-payment.js";
import { type SetRewardPolicyInput, setRewardPolicy } from "../../src/ledger/commands/set-reward-policy.js";
import { type TransferInput, transfer } from "../../src/ledger/commands/transfer.js";

/** Commands with everything filled in that a test doesn't care about. */

export function request(requestId: string = randomUUID(), content = requestId): IdempotentRequest {
  return { caller: "tests", requestId, fingerprint: createHash("sha256").update(content).digest() };
}

export function creditOf(input: Partial<CreditInput> & Pick<CreditInput, "accountId" | "amountUsdMicros">) {
  return credit({
    request: request(),
    transactionId: uuidv7(),
    source: "DEPOSIT",
    externalReference: "",
    category: "PAID",
    priority: 50,
    expireTime: null,
    description: "",
    metadata: {},
    ...input,
  });
}

export function debitOf(input: Partial<DebitInput> & Pick<DebitInput, "accountId" | "amountUsdMicros">) {
  return debit({
    request: request(),
    transactionId: uuidv7(),
    toolId: "",
    generationId: "",
    description: "",
    metadata: {},
    ...input,
  });
}

/** One dollar a run. */
export const RUN_TOOL: Tool = {
  toolId: "flux",
  displayName: "Flux",
  provider: "comfydeploy",
  pricing: { unit: "RUN", rateUsd: "1", multiplier: "1", minimumChargeUsdMicros: 0n },
  fundsPolicy: "NONE",
  defaultEstimate: { runDurationMicros: null, quantity: null },
  archived: false,
  updateTime: 0n,
};

/** A thousandth of a dollar a second. */
export const SECOND_TOOL: Tool = {
  ...RUN_TOOL,
  toolId: "video",
  pricing: { unit: "SECOND", rateUsd: "0.001", multiplier: "1", minimumChargeUsdMicros: 0n },
};

export function generationOf(input: Partial<CreateGenerationInput> & Pick<CreateGenerationInput, "accountId">) {
  const tool = input.tool ?? RUN_TOOL;
  return createGeneration({
    request: request(),
    generationId: uuidv7(),
    payerAccountId: input.accountId,
    fallbackPayerAccountId: "",
    toolId: tool.toolId,
    tool,
    provider: "",
    runId: "",
    pricing: undefined,
    attribution: { loras: [] },
    castId: "",
    stepIndex: 0,
    notification: { platform: "", target: "" },
    metadata: {},
    holdId: uuidv7(),
    placesHold: false,
    estimate: { runDurationMicros: null, quantity: null },
    ...input,
  });
}

export function completionOf(generationId: string, input: Partial<CompleteGenerationInput> = {}) {
  return completeGeneration({
    ref: { generationId, runId: "" },
    caller: "tests",
    transactionId: uuidv7(),
    outcome: "SUCCEEDED",
    usage: {},
    outputs: [],
    errorMessage: "",
    startTime: undefined,
    endTime: undefined,
    ...input,
  });
}

export function retryOf(input: Partial<RetryPaymentInput> & Pick<RetryPaymentInput, "generationId">) {
  return retryPayment({ request: request(), transactionId: uuidv7(), payerAccountId: "", ...input });
}

export function holdOf(input: Partial<PlaceHoldInput> & Pick<PlaceHoldInput, "accountId" | "amountUsdMicros">) {
  return placeHold({ request: request(), holdId: uuidv7(), ttlMicros: 3_600_000_000n, description: "", ...input });
}

export function captureOf(input: Partial<CaptureHoldInput> & Pick<CaptureHoldInput, "holdId" | "amountUsdMicros">) {
  return captureHold({ request: request(), transactionId: uuidv7(), toolId: "", description: "", ...input });
}

export function releaseOf(holdId: string, once = request()) {
  return releaseHold({ request: once, holdId });
}

export function transferOf(
  input: Partial<TransferInput> & Pick<TransferInput, "fromAccountId" | "toAccountId" | "amountUsdMicros">,
) {
  return transfer({ request: request(), transactionId: uuidv7(), description: "", metadata: {}, ...input });
}

export function refundOf(
  input: Partial<RefundTransactionInput> & Pick<RefundTransactionInput, "refundedTransactionId">,
) {
  return refundTransaction({
    request: request(),
    transactionId: uuidv7(),
    amountUsdMicros: undefined,
    reason: "",
    clawsBackRewards: true,
    ...input,
  });
}

/** A policy that is ADR-012 but for what is given, in force at once unless told. */
export function policyOf(terms: Partial<RewardPolicy>, input: Partial<SetRewardPolicyInput> = {}) {
  const policy = { ...ADR_012_POLICY, policyId: uuidv7(), ...terms };
  return setRewardPolicy({ request: request(), policy, effectiveTime: undefined, ...input });
}
