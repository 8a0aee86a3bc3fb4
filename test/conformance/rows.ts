import { v7 as uuidv7 } from "uuid";
import { ADR_012_POLICY } from "../../src/domain/fees.js";
import type { Generation, GenerationEvent, Tool } from "../../src/domain/generation/generation.js";
import type {
  Account,
  ChainedTransaction,
  ClawbackRow,
  EntryRow,
  Grant,
  Hold,
  RewardRow,
  TransactionRow,
} from "../../src/domain/ledger/rows.js";
import type { RewardPolicyRow } from "../../src/domain/reward-policies.js";
import type { BatchChanges, RequestRecord } from "../../src/storage/store.js";

/** Rows as they are stored, with everything filled in that a case doesn't care about. */

/** When everything happens that says nothing else. */
export const NOON = 1_700_000_000_000_000n;

/** A Buffer, because that is what drivers give and `toEqual` tells it from other bytes. */
const BYTES: Uint8Array = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37) % 256));

export const NO_CHANGES: BatchChanges = {
  requests: [],
  openedGenerations: [],
  changedGenerations: [],
  openedAccounts: [],
  changedAccounts: [],
  openedGrants: [],
  changedGrants: [],
  openedHolds: [],
  changedHolds: [],
  transactions: [],
  changedTransactions: [],
  entries: [],
  rewards: [],
  changedRewards: [],
  clawbacks: [],
  events: [],
  rewardPolicies: [],
};

export function requestRow(row: Partial<RequestRecord> = {}): RequestRecord {
  const resourceId = uuidv7();
  return {
    caller: "tests",
    requestId: resourceId,
    fingerprint: BYTES,
    resourceKind: "TRANSACTION",
    resourceId,
    ...row,
  };
}

export function accountRow(accountId: string, row: Partial<Account> = {}): Account {
  return {
    accountId,
    balanceUsdMicros: 1_000n,
    heldUsdMicros: 0n,
    promotionalUsdMicros: 0n,
    version: 1n,
    chainHead: BYTES,
    nextExpiryTime: null,
    createTime: NOON,
    updateTime: NOON,
    ...row,
  };
}

export function grantRow(accountId: string, row: Partial<Grant> = {}): Grant {
  return {
    grantId: uuidv7(),
    accountId,
    category: "PAID",
    priority: 50,
    expireTime: null,
    isRolling: false,
    issuedUsdMicros: 100n,
    remainingUsdMicros: 100n,
    transactionId: uuidv7(),
    accountVersion: 1n,
    createTime: NOON,
    ...row,
  };
}

/** What of it an audit reads with an entry. */
export function chainedOf(transaction: TransactionRow): ChainedTransaction {
  const { description: _, metadata: __, refundedUsdMicros: ___, ...chained } = transaction;
  return chained;
}

export function transactionRow(row: Partial<TransactionRow> = {}): TransactionRow {
  const transactionId = uuidv7();
  return {
    transactionId,
    type: "CREDIT",
    toolId: "",
    generationId: "",
    externalReference: "",
    refundOfTransactionId: "",
    rewardPolicyId: "",
    description: "",
    metadata: {},
    detailsDigest: BYTES,
    caller: "tests",
    requestId: transactionId,
    refundedUsdMicros: 0n,
    createTime: NOON,
    ...row,
  };
}

export function entryRow(accountId: string, accountVersion: bigint, row: Partial<EntryRow> = {}): EntryRow {
  return {
    transactionId: uuidv7(),
    position: 0,
    accountId,
    accountVersion,
    amountUsdMicros: 1n,
    balanceAfterUsdMicros: accountVersion,
    grantMovements: [],
    hash: BYTES,
    ...row,
  };
}

export function rewardRow(accountId: string, row: Partial<RewardRow> = {}): RewardRow {
  return {
    transactionId: uuidv7(),
    position: 0,
    accountId,
    role: "LORA_OWNER",
    assetId: "lora-1",
    generationId: uuidv7(),
    userAccountId: "user",
    amountUsdMicros: 1n,
    refundedUsdMicros: 0n,
    clawedBackUsdMicros: 0n,
    createTime: NOON,
    ...row,
  };
}

/** One that is in force a while after everything else has happened, unless it says otherwise. */
export function rewardPolicyRow(row: Partial<RewardPolicyRow> = {}): RewardPolicyRow {
  return {
    policyId: uuidv7(),
    kind: "SHARED_POOL",
    loraFeeBps: 1,
    spellFeeBps: 20,
    spellCreatorBps: 3,
    poolBps: 1_000,
    effectiveTime: NOON + 1_000_000n,
    createTime: NOON,
    ...row,
  };
}

export function clawbackRow(accountId: string, row: Partial<ClawbackRow> = {}): ClawbackRow {
  return {
    transactionId: uuidv7(),
    position: 0,
    accountId,
    role: "LORA_OWNER",
    assetId: "lora-1",
    amountUsdMicros: 1n,
    createTime: NOON,
    ...row,
  };
}

export function holdRow(accountId: string, row: Partial<Hold> = {}): Hold {
  return {
    holdId: uuidv7(),
    accountId,
    amountUsdMicros: 100n,
    capturedUsdMicros: 0n,
    state: "ACTIVE",
    generationId: "",
    description: "",
    expireTime: NOON + 1_000n,
    createTime: NOON,
    ...row,
  };
}

export function generationRow(row: Partial<Generation> = {}): Generation {
  return {
    generationId: uuidv7(),
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
    createTime: NOON,
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
    updateTime: NOON,
    ...row,
  };
}

/** A generation whose every column says something. */
export function fullGenerationRow(row: Partial<Generation> = {}): Generation {
  return generationRow({
    fallbackPayerAccountId: "club",
    pricing: { unit: "SECOND", rateUsd: "0.000337", multiplier: "1.25", minimumChargeUsdMicros: 5_000n },
    attribution: {
      spell: { spellId: "spell-1", ownerAccountId: "carol" },
      loras: [{ loraId: "lora-1", ownerAccountId: "dave" }],
    },
    castId: "cast-1",
    stepIndex: 3,
    notification: { platform: "telegram", target: "42" },
    metadata: { style: "oil" },
    holdId: uuidv7(),
    runId: uuidv7(),
    state: "COMPLETED",
    stateReason: "RUN_FAILED",
    progress: 0.3,
    liveStatus: "sampling",
    outputs: [{ url: "https://cdn.example/1.png", type: "IMAGE", filename: "1.png", nodeId: "9", text: "" }],
    startTime: NOON + 1n,
    startSource: "RUNNING",
    endTime: NOON + 2n,
    outcome: "SUCCEEDED",
    baseCostUsdMicros: 5_000n,
    feeUsdMicros: 300n,
    payerAvailableUsdMicros: 17n,
    chargedAccountId: "club",
    transactionId: uuidv7(),
    finalizedBy: uuidv7(),
    conflicts: ["FAILED"],
    errorMessage: "none to speak of",
    updateTime: NOON + 3n,
    ...row,
  });
}

export function eventRow(generationId: string, eventKey: string, row: Partial<GenerationEvent> = {}): GenerationEvent {
  return { generationId, eventKey, type: "COMPLETED", details: {}, createTime: NOON, ...row };
}

export function toolRow(toolId: string, row: Partial<Tool> = {}): Omit<Tool, "updateTime"> {
  const { updateTime: _, ...tool } = {
    toolId,
    displayName: "Flux",
    provider: "comfydeploy",
    pricing: { unit: "SECOND", rateUsd: "0.001", multiplier: "1", minimumChargeUsdMicros: 5_000n } as const,
    fundsPolicy: "NONE" as const,
    defaultEstimate: { runDurationMicros: null, quantity: null },
    archived: false,
    updateTime: 0n,
    ...row,
  };
  return tool;
}

/** The first entry of each of these accounts, in a transaction of its own; the ids ascend in the order given. */
export function firstPostings(accountIds: readonly string[]): { transactions: TransactionRow[]; entries: EntryRow[] } {
  const transactions = accountIds.map(() => transactionRow());
  const entries = transactions.map(({ transactionId }, index) =>
    entryRow(accountIds[index] as string, 1n, { transactionId }),
  );
  return { transactions, entries };
}
