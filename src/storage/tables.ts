import type { AssetDay, AssetUser } from "../domain/earnings.js";
import type { Generation, GenerationEvent, Tool } from "../domain/generation/generation.js";
import type {
  Account,
  ChainedTransaction,
  ClawbackRow,
  EntryRow,
  Grant,
  Hold,
  RewardRow,
  TransactionRow,
} from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import { type Table, table } from "./columns.js";
import type { RequestRecord } from "./store.js";

/** Every table, column for column. The migrations make them; test/conformance checks that the two agree. */

export const REQUESTS = table<RequestRecord>(
  "requests",
  {
    caller: "text",
    requestId: "text",
    fingerprint: "bytes",
    resourceKind: "text",
    resourceId: "uuid",
  },
  ["caller", "requestId"],
);

export const ACCOUNTS = table<Account>(
  "accounts",
  {
    accountId: "text",
    balanceUsdMicros: "int8",
    heldUsdMicros: "int8",
    promotionalUsdMicros: "int8",
    version: "int8",
    chainHead: "bytes",
    nextExpiryTime: "expiry",
    createTime: "int8",
    updateTime: "int8",
  },
  ["accountId"],
  ["balanceUsdMicros", "heldUsdMicros", "promotionalUsdMicros", "version", "chainHead", "nextExpiryTime", "updateTime"],
  {},
  (account) => ({ ...account }),
);

export const GRANTS = table<Grant>(
  "credit_grants",
  {
    grantId: "uuid",
    accountId: "text",
    category: "text",
    priority: "int4",
    expireTime: "expiry",
    isRolling: "bool",
    issuedUsdMicros: "int8",
    remainingUsdMicros: "int8",
    transactionId: "uuid",
    accountVersion: "int8",
    createTime: "int8",
  },
  ["grantId"],
  ["issuedUsdMicros", "remainingUsdMicros"],
  // Whether anything is left has a column of its own, because the index of open grants must not move with every debit.
  { isOpen: { type: "bool", from: (grant) => grant.remainingUsdMicros > 0n } },
  (grant) => ({ ...grant }),
);

const CHAINED = {
  transactionId: "uuid",
  type: "text",
  toolId: "text",
  generationId: "text",
  externalReference: "text",
  refundOfTransactionId: "uuid",
  rewardPolicyId: "text",
  detailsDigest: "bytes",
  caller: "text",
  requestId: "text",
  createTime: "int8",
} as const;

/** The columns that an audit reads with each entry. */
export const CHAINED_TRANSACTIONS = table<ChainedTransaction>("transactions", CHAINED, ["transactionId"]);

export const TRANSACTIONS = table<TransactionRow>(
  "transactions",
  {
    ...CHAINED,
    description: "text",
    metadata: "json",
    refundedUsdMicros: "int8",
  },
  ["transactionId"],
  ["refundedUsdMicros"],
);

export const ENTRIES = table<EntryRow>(
  "entries",
  {
    transactionId: "uuid",
    position: "int4",
    accountId: "text",
    accountVersion: "int8",
    amountUsdMicros: "int8",
    balanceAfterUsdMicros: "int8",
    grantMovements: "movements",
    hash: "bytes",
  },
  ["transactionId", "position"],
);

export const REWARDS = table<RewardRow>(
  "rewards",
  {
    transactionId: "uuid",
    position: "int4",
    accountId: "text",
    role: "text",
    assetId: "text",
    generationId: "uuid",
    userAccountId: "text",
    amountUsdMicros: "int8",
    refundedUsdMicros: "int8",
    clawedBackUsdMicros: "int8",
    createTime: "int8",
  },
  ["transactionId", "position"],
  ["refundedUsdMicros", "clawedBackUsdMicros"],
);

export const CLAWBACKS = table<ClawbackRow>(
  "clawbacks",
  {
    transactionId: "uuid",
    position: "int4",
    accountId: "text",
    role: "text",
    assetId: "text",
    amountUsdMicros: "int8",
    createTime: "int8",
  },
  ["transactionId", "position"],
);

/** What rewards and clawbacks sum to. Nothing indexed changes, so that on Postgres a row that grows with every batch stays where it is in the index. */
export const ASSET_DAYS = table<AssetDay>(
  "asset_days",
  {
    accountId: "text",
    assetId: "text",
    role: "text",
    day: "int8",
    earnedUsdMicros: "int8",
    clawedBackUsdMicros: "int8",
    uses: "int8",
    newUsers: "int8",
    lastUsedTime: "int8",
  },
  ["accountId", "assetId", "role", "day"],
);

export const ASSET_USERS = table<AssetUser>(
  "asset_users",
  { accountId: "text", assetId: "text", role: "text", userAccountId: "text", firstDay: "int8" },
  ["accountId", "assetId", "role", "userAccountId"],
);

export const HOLDS = table<Hold>(
  "holds",
  {
    holdId: "uuid",
    accountId: "text",
    amountUsdMicros: "int8",
    capturedUsdMicros: "int8",
    state: "text",
    generationId: "uuid",
    description: "text",
    expireTime: "expiry",
    createTime: "int8",
  },
  ["holdId"],
  ["capturedUsdMicros", "state"],
);

export const EVENTS = table<GenerationEvent>(
  "generation_events",
  {
    generationId: "uuid",
    eventKey: "text",
    type: "text",
    details: "json",
    createTime: "int8",
  },
  ["generationId", "eventKey"],
);

/** A price, the same in every table that has one. */
const PRICING = { unit: "text", rateUsd: "text", multiplier: "text", minimumChargeUsdMicros: "int8" } as const;

export const GENERATIONS = table<Generation>(
  "generations",
  {
    generationId: "uuid",
    accountId: "text",
    payerAccountId: "text",
    fallbackPayerAccountId: "text",
    toolId: "text",
    provider: "text",
    pricing: PRICING,
    attribution: "json",
    rewardPolicy: "json",
    castId: "text",
    stepIndex: "int4",
    notification: "json",
    metadata: "json",
    holdId: "uuid",
    createTime: "int8",
    runId: "text",
    state: "text",
    stateReason: "text",
    progress: "float8",
    liveStatus: "text",
    outputs: "json",
    startTime: "int8?",
    startSource: "text",
    endTime: "int8?",
    outcome: "text?",
    baseCostUsdMicros: "int8?",
    feeUsdMicros: "int8",
    payerAvailableUsdMicros: "int8?",
    chargedAccountId: "text",
    transactionId: "uuid",
    finalizedBy: "uuid",
    conflicts: "json",
    errorMessage: "text",
    updateTime: "int8",
  },
  ["generationId"],
  [
    "runId",
    "state",
    "stateReason",
    "progress",
    "liveStatus",
    "outputs",
    "startTime",
    "startSource",
    "endTime",
    "outcome",
    "baseCostUsdMicros",
    "feeUsdMicros",
    "payerAvailableUsdMicros",
    "chargedAccountId",
    "transactionId",
    "finalizedBy",
    "conflicts",
    "errorMessage",
    "updateTime",
  ],
  {},
  (generation) => ({ ...generation }),
);

export const TOOLS = table<Tool>(
  "tools",
  {
    toolId: "text",
    displayName: "text",
    provider: "text",
    pricing: PRICING,
    fundsPolicy: "text",
    defaultEstimate: { runDurationMicros: "int8?", quantity: "int8?" },
    archived: "bool",
    updateTime: "int8",
  },
  ["toolId"],
);

export const REWARD_POLICIES = table<RewardPolicyRow>(
  "reward_policies",
  {
    policyId: "text",
    kind: "text",
    loraFeeBps: "int4",
    spellFeeBps: "int4",
    spellCreatorBps: "int4",
    poolBps: "int4",
    effectiveTime: "int8",
    createTime: "int8",
  },
  ["policyId"],
);

export const ALL_TABLES: readonly Table<never>[] = [
  REQUESTS,
  ACCOUNTS,
  GRANTS,
  TRANSACTIONS,
  ENTRIES,
  REWARDS,
  CLAWBACKS,
  ASSET_DAYS,
  ASSET_USERS,
  HOLDS,
  EVENTS,
  GENERATIONS,
  TOOLS,
  REWARD_POLICIES,
] as readonly unknown[] as readonly Table<never>[];
