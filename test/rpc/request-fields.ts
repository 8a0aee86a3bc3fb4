import { KINDS, type Kind } from "./field-kinds.js";

/** A request that no violation complains about, and what each of its fields takes, by path in proto names. */
export interface RequestFields {
  readonly base: object;
  readonly fields: Readonly<Record<string, Kind>>;
}

const { enumeration, int32, list, requiredEnumeration, text } = KINDS;

const GENERATION_ID = "01890000-0000-7000-8000-000000000000";
const TIME = { seconds: 1_700_000_000n, nanos: 0 };
const OUTPUT = { url: "https://cdn.example/a", type: 1, filename: "a", nodeId: "n", text: "t" };
const PRICING = { unit: 1, rateUsd: "0.01", multiplier: "2", minimumChargeUsdMicros: 1n };
/** Rows that are refused one by one are no fields of the call: a bad one is in its answer. */
const BATCH_ITEM = { item: { case: "debit", value: { requestId: "b", accountId: "a", amountUsdMicros: 1n } } };
const LEGACY_ROW = { accountId: "a", usd: "1" };
const LORA = { loraId: "l", ownerAccountId: "carol" };
const ATTRIBUTION = { spell: { spellId: "s", ownerAccountId: "carol" }, loras: [LORA] };

const HOLD_ID = GENERATION_ID;

const page = { page_size: KINDS.pageSize, page_token: KINDS.pageToken };
const range = { start_time: KINDS.time, end_time: KINDS.time };
const pricing = (path: string) => ({
  // FREE has no rate, so it would contradict the rest of the base.
  [`${path}.unit`]: { ...requiredEnumeration(4), taken: [1, 2, 3] },
  [`${path}.rate_usd`]: KINDS.requiredDecimal,
  [`${path}.multiplier`]: KINDS.decimal,
  [`${path}.minimum_charge_usd_micros`]: KINDS.amountOrZero,
});
const outputs = {
  outputs: list(1_000, OUTPUT),
  "outputs[].url": text(2_048),
  "outputs[].type": enumeration(6),
  "outputs[].filename": text(500),
  "outputs[].node_id": text(128),
  "outputs[].text": text(65_536),
};
const attribution = {
  attribution: KINDS.message,
  "attribution.spell": KINDS.message,
  "attribution.spell.spell_id": KINDS.requiredLabel,
  "attribution.spell.owner_account_id": KINDS.optionalAccount,
  "attribution.loras": list(100, LORA),
  "attribution.loras[].lora_id": KINDS.requiredLabel,
  "attribution.loras[].owner_account_id": KINDS.optionalAccount,
};

/** Every request of the API, by the name of its RPC. */
export const REQUESTS: Readonly<Record<string, RequestFields>> = {
  GetBalance: { base: { accountId: "a" }, fields: { account_id: KINDS.readableAccount, at_time: KINDS.time } },
  BatchGetBalances: {
    base: { accountIds: ["a"] },
    fields: { account_ids: KINDS.requiredList(500, "a"), "account_ids[]": KINDS.readableAccount },
  },
  Debit: {
    base: { requestId: "r", accountId: "a", amountUsdMicros: 1n },
    fields: {
      request_id: KINDS.requestId,
      account_id: KINDS.account,
      amount_usd_micros: KINDS.amount,
      tool_id: KINDS.label,
      generation_id: KINDS.label,
      description: text(500),
      metadata: KINDS.labels,
    },
  },
  Credit: {
    base: { requestId: "r", accountId: "a", amountUsdMicros: 1n, source: 1 },
    fields: {
      request_id: KINDS.requestId,
      account_id: KINDS.account,
      amount_usd_micros: KINDS.amount,
      source: requiredEnumeration(6),
      external_reference: KINDS.externalReference,
      category: enumeration(2),
      priority: int32(0, 100),
      expire_time: KINDS.timeToCome,
      description: text(500),
      metadata: KINDS.labels,
    },
  },
  Transfer: {
    base: { requestId: "r", fromAccountId: "a", toAccountId: "b", amountUsdMicros: 1n },
    fields: {
      request_id: KINDS.requestId,
      from_account_id: KINDS.account,
      to_account_id: KINDS.account,
      amount_usd_micros: KINDS.amount,
      description: text(500),
      metadata: KINDS.labels,
    },
  },
  BatchPost: {
    base: { items: [BATCH_ITEM] },
    fields: { items: KINDS.requiredList(1_000, BATCH_ITEM), atomic: KINDS.flag },
  },
  RefundTransaction: {
    base: { requestId: "r", transactionId: "t", amount: { case: "refundAll", value: true } },
    fields: {
      request_id: KINDS.requestId,
      transaction_id: KINDS.requiredLabel,
      amount_usd_micros: KINDS.amount,
      refund_all: { ...KINDS.flag, taken: [true], refused: [false] },
      reason: text(500),
      claw_back_rewards: KINDS.flag,
    },
  },
  PlaceHold: {
    base: { requestId: "r", accountId: "a", amountUsdMicros: 1n },
    fields: {
      request_id: KINDS.requestId,
      account_id: KINDS.account,
      amount_usd_micros: KINDS.amount,
      ttl: KINDS.holdTtl,
      description: text(500),
    },
  },
  CaptureHold: {
    base: { requestId: "r", holdId: HOLD_ID, amountUsdMicros: 1n },
    fields: {
      request_id: KINDS.requestId,
      hold_id: KINDS.requiredLabel,
      amount_usd_micros: KINDS.amount,
      tool_id: KINDS.label,
      description: text(500),
    },
  },
  ReleaseHold: {
    base: { requestId: "r", holdId: HOLD_ID },
    fields: { request_id: KINDS.requestId, hold_id: KINDS.requiredLabel },
  },
  GetHold: { base: { holdId: HOLD_ID }, fields: { hold_id: KINDS.requiredLabel } },
  ListHolds: {
    base: { accountId: "a", states: [1] },
    fields: {
      account_id: KINDS.readableAccount,
      states: list(16, 1),
      "states[]": requiredEnumeration(4),
      ...page,
    },
  },
  ListCreditGrants: {
    base: { accountId: "a" },
    fields: { account_id: KINDS.readableAccount, include_spent: KINDS.flag, ...page },
  },
  ListAccounts: { base: {}, fields: page },
  ImportLegacyBalances: {
    base: { requestId: "r", sourceName: "s", rows: [LEGACY_ROW], usdPerPoint: "0.000337" },
    fields: {
      request_id: KINDS.requestId,
      source_name: KINDS.sourceName,
      rows: KINDS.requiredList(5_000, LEGACY_ROW),
      usd_per_point: KINDS.decimal,
      usd_per_qoint: KINDS.decimal,
      usd_per_doint: KINDS.decimal,
      dry_run: KINDS.flag,
    },
  },
  VerifyLedger: { base: {}, fields: { account_id: KINDS.optionalReadableAccount, ...page } },
  GetTransaction: { base: { transactionId: "t" }, fields: { transaction_id: KINDS.requiredLabel } },
  ListTransactions: {
    base: { accountId: "a", types: [1], startTime: TIME, endTime: TIME },
    fields: {
      account_id: KINDS.readableAccount,
      types: list(16, 1),
      "types[]": requiredEnumeration(8),
      tool_id: KINDS.label,
      generation_id: KINDS.label,
      external_reference: KINDS.externalReference,
      ...range,
      ...page,
    },
  },

  UpsertTool: {
    base: { tool: { toolId: "t", pricing: PRICING } },
    fields: {
      tool: KINDS.requiredMessage,
      "tool.tool_id": KINDS.requiredLabel,
      "tool.display_name": text(200),
      "tool.provider": KINDS.label,
      "tool.pricing": KINDS.requiredMessage,
      ...pricing("tool.pricing"),
      "tool.funds_policy": enumeration(3),
      "tool.default_estimate": KINDS.message,
      "tool.default_estimate.run_duration": KINDS.runDuration,
      "tool.default_estimate.quantity": KINDS.quantity,
      "tool.archived": KINDS.flag,
      "tool.update_time": KINDS.ignored,
    },
  },
  GetTool: { base: { toolId: "t" }, fields: { tool_id: KINDS.requiredLabel } },
  ListTools: { base: {}, fields: page },
  CreateGeneration: {
    base: {
      ...{ requestId: "r", accountId: "a", toolId: "t", pricing: PRICING, attribution: ATTRIBUTION, notification: {} },
      estimate: { case: "estimatedRunDuration", value: { seconds: 1n, nanos: 0 } },
    },
    fields: {
      request_id: KINDS.requestId,
      account_id: KINDS.account,
      payer_account_id: KINDS.optionalAccount,
      fallback_payer_account_id: KINDS.optionalAccount,
      tool_id: KINDS.requiredLabel,
      provider: KINDS.label,
      run_id: KINDS.runId,
      pricing: KINDS.message,
      ...pricing("pricing"),
      ...attribution,
      cast_id: KINDS.label,
      step_index: int32(0, 10_000),
      place_hold: KINDS.flag,
      // Only one of the two can be set.
      estimated_run_duration: KINDS.runDuration,
      estimated_quantity: KINDS.quantity,
      notification: KINDS.message,
      "notification.platform": text(64),
      "notification.target": text(500),
      metadata: KINDS.labels,
    },
  },
  PreviewCost: {
    // A tool that isn't there: with it, a price and what it multiplies would have to fit each other.
    base: {
      toolId: "nowhere",
      accountId: "a",
      cost: { case: "runDuration", value: { seconds: 1n, nanos: 0 } },
      pricing: PRICING,
      attribution: ATTRIBUTION,
    },
    fields: {
      tool_id: KINDS.requiredLabel,
      account_id: KINDS.account,
      payer_account_id: KINDS.optionalAccount,
      run_duration: KINDS.runDuration,
      quantity: KINDS.quantity,
      ...attribution,
      pricing: KINDS.message,
      ...pricing("pricing"),
    },
  },
  AttachRun: {
    base: { generationId: GENERATION_ID, runId: "r" },
    fields: { generation_id: KINDS.requiredLabel, run_id: KINDS.requiredRunId },
  },
  ReportProgress: {
    base: { generationId: GENERATION_ID, runId: "r", outputs: [OUTPUT], observeTime: TIME },
    fields: {
      generation_id: KINDS.label,
      run_id: KINDS.runId,
      status: {
        refused: ["run", "success", "running ", "a\0b", "x".repeat(70_000), "constructor"],
        taken: ["", "running", "RUNNING", "not-started", "NOT_STARTED", "queued", "started", "Uploading"],
        unreadable: [5, true, [], {}, "\ud800"],
        isRequired: false,
      },
      progress: KINDS.fraction,
      live_status: text(500),
      ...outputs,
      observe_time: KINDS.observedTime,
    },
  },
  CompleteGeneration: {
    base: { generationId: GENERATION_ID, runId: "r", outcome: 1, outputs: [OUTPUT], startTime: TIME, endTime: TIME },
    fields: {
      generation_id: KINDS.label,
      run_id: KINDS.runId,
      outcome: requiredEnumeration(4),
      // Only one of the three can be set, and a set 0 is none of the amounts.
      final_cost_usd_micros: { ...KINDS.amount, isRequired: false },
      run_duration: KINDS.runDuration,
      quantity: KINDS.quantity,
      ...outputs,
      error_message: text(2_000),
      start_time: KINDS.observedTime,
      end_time: KINDS.observedTime,
    },
  },
  RetryPayment: {
    base: { requestId: "r", generationId: GENERATION_ID, payerAccountId: "a" },
    fields: {
      request_id: KINDS.requestId,
      generation_id: KINDS.requiredLabel,
      payer_account_id: KINDS.optionalAccount,
    },
  },
  GetGeneration: {
    base: { generationId: GENERATION_ID, runId: "r" },
    fields: { generation_id: KINDS.label, run_id: KINDS.runId },
  },
  ListGenerations: {
    base: { accountId: "a", states: [1], startTime: TIME, endTime: TIME },
    fields: {
      account_id: KINDS.readableAccount,
      states: list(16, 1),
      "states[]": requiredEnumeration(6),
      tool_id: KINDS.label,
      spell_id: KINDS.label,
      cast_id: KINDS.label,
      ...range,
      ...page,
    },
  },

  PreviewRewards: {
    base: { accountId: "a", attribution: ATTRIBUTION },
    fields: {
      base_cost_usd_micros: KINDS.amountOrZero,
      account_id: KINDS.account,
      payer_account_id: KINDS.optionalAccount,
      ...attribution,
    },
  },
  GetEarnings: {
    base: { accountId: "a", startTime: TIME, endTime: TIME },
    fields: {
      account_id: KINDS.readableAccount,
      ...range,
      bucket: enumeration(3),
      group_by: enumeration(2),
    },
  },
  ListRewards: {
    base: { accountId: "a", startTime: TIME, endTime: TIME },
    fields: {
      account_id: KINDS.readableAccount,
      asset_id: KINDS.label,
      role: enumeration(2),
      ...range,
      ...page,
    },
  },
  ListAssetUsage: { base: { accountId: "a" }, fields: { account_id: KINDS.readableAccount, ...page } },
  SetRewardPolicy: {
    base: {
      requestId: "r",
      policy: { kind: 1, loraFeeBps: 500, spellFeeBps: 10_000, spellCreatorBps: 0 },
    },
    fields: {
      request_id: KINDS.requestId,
      policy: KINDS.requiredMessage,
      "policy.policy_id": { ...text(128), taken: ["", "adr-012", "x".repeat(70_000)], refused: [] },
      // The other kind has none of the base's rates.
      "policy.kind": { ...requiredEnumeration(2), taken: [1] },
      "policy.lora_fee_bps": int32(0, 10_000),
      "policy.spell_fee_bps": int32(0, 10_000),
      "policy.spell_creator_bps": int32(0, 10_000),
      "policy.pool_bps": { ...int32(0, 10_000), taken: [undefined], refused: [-1, 0, 1, 10_000, 10_001] },
      // A time that is past or far ahead is well-formed, but refused.
      "policy.effective_time": { ...KINDS.time, taken: [undefined] },
      "policy.create_time": KINDS.ignored,
    },
  },
  GetRewardPolicy: { base: {}, fields: { at_time: KINDS.time, policy_id: KINDS.label } },
  ListRewardPolicies: { base: {}, fields: page },
};
