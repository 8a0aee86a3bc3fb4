import { ADR_012_POLICY } from "../../src/domain/fees.js";
import type { Generation, Output } from "../../src/domain/generation/generation.js";
import type { EntryRow, Grant, TransactionRow } from "../../src/domain/ledger/rows.js";

/** Rows with everything filled in that a test doesn't care about. */

export function sampleGeneration(changes: Partial<Generation> = {}): Generation {
  return {
    generationId: "generation-1",
    accountId: "user",
    payerAccountId: "user",
    fallbackPayerAccountId: "",
    toolId: "flux",
    provider: "comfydeploy",
    pricing: { unit: "RUN", rateUsd: "0.01", multiplier: "1", minimumChargeUsdMicros: 0n },
    attribution: { loras: [] },
    rewardPolicy: ADR_012_POLICY,
    castId: "",
    stepIndex: 0,
    notification: { platform: "", target: "" },
    metadata: {},
    holdId: "",
    createTime: 1_000n,
    runId: "",
    state: "PENDING",
    stateReason: "",
    progress: 0,
    liveStatus: "",
    outputs: [],
    startTime: null,
    startSource: "",
    endTime: null,
    outcome: null,
    baseCostUsdMicros: null,
    feeUsdMicros: 0n,
    payerAvailableUsdMicros: null,
    chargedAccountId: "",
    transactionId: "",
    finalizedBy: "",
    conflicts: [],
    errorMessage: "",
    updateTime: 1_000n,
    ...changes,
  };
}

export function sampleOutput(changes: Partial<Output> = {}): Output {
  return { url: "https://cdn.example/1.png", type: "IMAGE", filename: "1.png", nodeId: "9", text: "", ...changes };
}

/** A paid grant of 100 micros, unspent. */
export function sampleGrant(changes: Partial<Grant> = {}): Grant {
  return {
    grantId: "grant-1",
    accountId: "user",
    category: "PAID",
    priority: 50,
    expireTime: null,
    isRolling: false,
    issuedUsdMicros: 100n,
    remainingUsdMicros: 100n,
    transactionId: "transaction-1",
    accountVersion: 1n,
    createTime: 1_000n,
    ...changes,
  };
}

export function sampleTransaction(changes: Partial<TransactionRow> = {}): TransactionRow {
  return {
    transactionId: "transaction-1",
    type: "DEBIT",
    toolId: "flux",
    generationId: "generation-1",
    externalReference: "stripe-1",
    refundOfTransactionId: "",
    rewardPolicyId: "",
    description: "one run",
    metadata: { team: "red" },
    detailsDigest: new Uint8Array(32).fill(7),
    caller: "bot",
    requestId: "request-1",
    refundedUsdMicros: 0n,
    createTime: 1_700_000_000_000_000n,
    ...changes,
  };
}

export function sampleEntry(changes: Partial<EntryRow> = {}): Omit<EntryRow, "hash"> {
  return {
    transactionId: "transaction-1",
    position: 0,
    accountId: "user",
    accountVersion: 2n,
    amountUsdMicros: -120n,
    balanceAfterUsdMicros: 380n,
    grantMovements: [
      ["grant-1", -100n],
      ["grant-2", -20n],
    ],
    ...changes,
  };
}
