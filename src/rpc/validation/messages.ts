import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { RUN_STATUSES } from "../../domain/generation/lifecycle.js";
import {
  CreditCategory,
  CreditSource,
  HoldState,
  TransactionType,
} from "../../gen/stationthis/economy/v1/economy_pb.js";
import * as economy from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { Attribution } from "../../gen/stationthis/generation/v1/attribution_pb.js";
import {
  type Estimate,
  FundsPolicy,
  GenerationState,
  type Notification,
  Outcome,
  type Output,
  OutputType,
  type Tool,
} from "../../gen/stationthis/generation/v1/generation_pb.js";
import * as generation from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { type RewardPolicy, RewardRole } from "../../gen/stationthis/rewards/v1/rewards_pb.js";
import * as rewards from "../../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { pricing } from "./pricing.js";
import { policyOrTime, rewardPolicy } from "./reward-policy.js";
import {
  account,
  amount,
  amountOrZero,
  bigInteger,
  type FieldRules,
  fraction,
  ifSet,
  integer,
  items,
  known,
  metadata,
  nested,
  optional,
  type Problems,
  pageSize,
  positiveDecimal,
  printable,
  type Rule,
  readableAccount,
  requestId,
  required,
  runDuration,
  runId,
  specified,
  text,
  timestamp,
} from "./rules.js";

/*
 * Every request and what its fields take, one small table each, as the proto comments say it. A request that isn't here is refused at start (check.ts).
 */

/** Rules of one request, with what holds between its fields. */
export interface MessageRules {
  readonly check: (message: never, problems: Problems) => void;
}

const label = printable(128);
const description = text(500);
const page = { pageSize, pageToken: text(4_096) };
const timeRange = { startTime: ifSet(timestamp), endTime: ifSet(timestamp) };

const attribution = nested<Attribution>({
  spell: ifSet(nested({ spellId: label, ownerAccountId: optional(account) })),
  loras: items(100, nested({ loraId: label, ownerAccountId: optional(account) })),
});

const outputs = items<Output>(
  1_000,
  nested({
    url: text(2_048),
    type: known(OutputType),
    filename: text(500),
    nodeId: text(128),
    text: text(65_536),
  }),
);

const notification = nested<Notification>({ platform: text(64), target: text(500) });

/** Names a generation: by either id, or both. */
const generationRef = { generationId: optional(label), runId: optional(runId) };

function needsGenerationOrRun(message: { generationId: string; runId: string }, problems: Problems): void {
  if (message.generationId === "" && message.runId === "") {
    problems.add("generation_id", "is required, or run_id");
  }
}

const runStatus: Rule<string> = (value, field, problems) => {
  if (!(RUN_STATUSES as readonly string[]).includes(value.toLowerCase().replaceAll("_", "-"))) {
    problems.add(field, `takes ${RUN_STATUSES.join(", ")}`);
  }
};

const tokenQuantity = bigInteger(0n, 10n ** 15n);

const cost: Rule<generation.CompleteGenerationRequest["cost"]> = (value, _field, problems) => {
  if (value.case === "finalCostUsdMicros") amount(value.value, "final_cost_usd_micros", problems);
  if (value.case === "runDuration") runDuration(value.value, "run_duration", problems);
  if (value.case === "quantity") tokenQuantity(value.value, "quantity", problems);
};

const refundAmount: Rule<economy.RefundTransactionRequest["amount"]> = (value, _field, problems) => {
  if (value.case === "amountUsdMicros") amount(value.value, "amount_usd_micros", problems);
  else if (value.case === undefined) problems.add("amount_usd_micros", "is required, or refund_all: true");
  else if (!value.value) problems.add("refund_all", "takes true, or amount_usd_micros instead");
};

const LONGEST_HOLD_SECONDS = 86_400n;

const holdTtl: Rule<Duration> = ({ seconds, nanos }, field, problems) => {
  const isTooLong = seconds > LONGEST_HOLD_SECONDS || (seconds === LONGEST_HOLD_SECONDS && nanos > 0);
  const isTooShort = seconds < 0n || nanos < 0 || (seconds === 0n && nanos < 1_000_000);
  if (isTooLong || isTooShort || nanos > 999_999_999) problems.add(field, "takes 0.001s to 86400s");
};

const SOURCE_NAME = /^[A-Za-z0-9_.-]{1,60}$/;

const sourceName: Rule<string> = (value, field, problems) => {
  if (!SOURCE_NAME.test(value)) problems.add(field, "takes 1-60 of A-Z a-z 0-9 _ . -");
};

/** How much a run is expected to use, in the fields of whichever message it stands in. */
const estimate: Rule<generation.CreateGenerationRequest["estimate"]> = (value, _field, problems) => {
  if (value.case === "estimatedRunDuration") runDuration(value.value, "estimated_run_duration", problems);
  if (value.case === "estimatedQuantity") tokenQuantity(value.value, "estimated_quantity", problems);
};

const defaultEstimate: Rule<Estimate> = ({ amount: value }, field, problems) => {
  if (value.case === "runDuration") runDuration(value.value, `${field}.run_duration`, problems);
  if (value.case === "quantity") tokenQuantity(value.value, `${field}.quantity`, problems);
};

const tool = nested<Tool>({
  toolId: label,
  displayName: text(200),
  provider: optional(label),
  pricing: required(pricing),
  fundsPolicy: known(FundsPolicy),
  defaultEstimate: ifSet(defaultEstimate),
});

const previewedCost: Rule<generation.PreviewCostRequest["cost"]> = (value, _field, problems) => {
  if (value.case === "runDuration") runDuration(value.value, "run_duration", problems);
  if (value.case === "quantity") tokenQuantity(value.value, "quantity", problems);
};

/** By message type name. */
export const MESSAGE_RULES: ReadonlyMap<string, MessageRules> = new Map([
  rulesOf(economy.GetBalanceRequestSchema, { accountId: readableAccount, atTime: ifSet(timestamp) }),
  rulesOf(economy.BatchGetBalancesRequestSchema, { accountIds: items(500, readableAccount, 1) }),
  rulesOf(economy.DebitRequestSchema, {
    requestId,
    accountId: account,
    amountUsdMicros: amount,
    toolId: optional(label),
    generationId: optional(label),
    description,
    metadata,
  }),
  rulesOf(economy.CreditRequestSchema, {
    requestId,
    accountId: account,
    amountUsdMicros: amount,
    source: specified(CreditSource),
    externalReference: optional(printable(200)),
    category: known(CreditCategory),
    priority: ifSet(integer(0, 100)),
    expireTime: ifSet(timestamp),
    description,
    metadata,
  }),
  rulesOf(
    economy.TransferRequestSchema,
    { requestId, fromAccountId: account, toAccountId: account, amountUsdMicros: amount, description, metadata },
    ({ fromAccountId, toAccountId }, problems) => {
      if (fromAccountId !== "" && fromAccountId === toAccountId)
        problems.add("to_account_id", "takes another account than from_account_id");
    },
  ),
  // Each item is checked when it is posted, so that a bad one fails alone.
  rulesOf(economy.BatchPostRequestSchema, { items: items(1_000, () => {}, 1) }),
  rulesOf(economy.RefundTransactionRequestSchema, {
    requestId,
    transactionId: label,
    amount: refundAmount,
    reason: description,
  }),
  rulesOf(economy.PlaceHoldRequestSchema, {
    requestId,
    accountId: account,
    amountUsdMicros: amount,
    ttl: ifSet(holdTtl),
    description,
  }),
  rulesOf(economy.CaptureHoldRequestSchema, {
    requestId,
    holdId: label,
    amountUsdMicros: amount,
    toolId: optional(label),
    description,
  }),
  rulesOf(economy.ReleaseHoldRequestSchema, { requestId, holdId: label }),
  rulesOf(economy.GetHoldRequestSchema, { holdId: label }),
  rulesOf(economy.ListHoldsRequestSchema, {
    accountId: readableAccount,
    states: items(16, specified(HoldState)),
    ...page,
  }),
  rulesOf(economy.ListCreditGrantsRequestSchema, { accountId: readableAccount, ...page }),
  rulesOf(economy.ListAccountsRequestSchema, page),
  // Rows are checked one by one, so that a bad one is refused by itself.
  rulesOf(economy.ImportLegacyBalancesRequestSchema, {
    requestId,
    sourceName,
    rows: items(5_000, () => {}, 1),
    usdPerPoint: optional(positiveDecimal),
    usdPerQoint: optional(positiveDecimal),
    usdPerDoint: optional(positiveDecimal),
  }),
  rulesOf(economy.VerifyLedgerRequestSchema, { accountId: optional(readableAccount), ...page }),
  rulesOf(economy.GetTransactionRequestSchema, { transactionId: label }),
  rulesOf(economy.ListTransactionsRequestSchema, {
    accountId: readableAccount,
    types: items(16, specified(TransactionType)),
    toolId: optional(label),
    generationId: optional(label),
    externalReference: optional(printable(200)),
    ...timeRange,
    ...page,
  }),

  rulesOf(generation.UpsertToolRequestSchema, { tool: required(tool) }),
  rulesOf(generation.GetToolRequestSchema, { toolId: label }),
  rulesOf(generation.ListToolsRequestSchema, page),
  rulesOf(generation.CreateGenerationRequestSchema, {
    requestId,
    accountId: account,
    payerAccountId: optional(account),
    fallbackPayerAccountId: optional(account),
    toolId: label,
    provider: optional(label),
    runId: optional(runId),
    pricing: ifSet(pricing),
    attribution: ifSet(attribution),
    castId: optional(label),
    stepIndex: integer(0, 10_000),
    estimate,
    notification: ifSet(notification),
    metadata,
  }),
  rulesOf(generation.PreviewCostRequestSchema, {
    toolId: label,
    accountId: account,
    payerAccountId: optional(account),
    cost: previewedCost,
    attribution: ifSet(attribution),
    pricing: ifSet(pricing),
  }),
  rulesOf(generation.AttachRunRequestSchema, { generationId: label, runId }),
  rulesOf(
    generation.ReportProgressRequestSchema,
    {
      ...generationRef,
      status: optional(runStatus),
      progress: ifSet(fraction),
      liveStatus: text(500),
      outputs,
      observeTime: ifSet(timestamp),
    },
    needsGenerationOrRun,
  ),
  rulesOf(
    generation.CompleteGenerationRequestSchema,
    {
      ...generationRef,
      outcome: specified(Outcome),
      cost,
      outputs,
      errorMessage: text(2_000),
      ...timeRange,
    },
    needsGenerationOrRun,
  ),
  rulesOf(generation.RetryPaymentRequestSchema, {
    requestId,
    generationId: label,
    payerAccountId: optional(account),
  }),
  rulesOf(generation.GetGenerationRequestSchema, generationRef, needsGenerationOrRun),
  rulesOf(generation.ListGenerationsRequestSchema, {
    accountId: readableAccount,
    states: items(16, specified(GenerationState)),
    toolId: optional(label),
    spellId: optional(label),
    castId: optional(label),
    ...timeRange,
    ...page,
  }),

  rulesOf(rewards.PreviewRewardsRequestSchema, {
    baseCostUsdMicros: amountOrZero,
    accountId: account,
    payerAccountId: optional(account),
    attribution: ifSet(attribution),
  }),
  rulesOf(rewards.GetEarningsRequestSchema, {
    accountId: readableAccount,
    ...timeRange,
    bucket: known(rewards.EarningsBucket),
    groupBy: known(rewards.EarningsGroup),
  }),
  rulesOf(rewards.ListRewardsRequestSchema, {
    accountId: readableAccount,
    assetId: optional(label),
    role: known(RewardRole),
    ...timeRange,
    ...page,
  }),
  rulesOf(rewards.ListAssetUsageRequestSchema, { accountId: readableAccount, ...page }),
  rulesOf(rewards.SetRewardPolicyRequestSchema, { requestId, policy: required<RewardPolicy>(rewardPolicy) }),
  rulesOf(rewards.GetRewardPolicyRequestSchema, { atTime: ifSet(timestamp), policyId: optional(label) }, policyOrTime),
  rulesOf(rewards.ListRewardPoliciesRequestSchema, page),
]);

function rulesOf<Desc extends DescMessage>(
  desc: Desc,
  fields: FieldRules<MessageShape<Desc>>,
  between?: (message: MessageShape<Desc>, problems: Problems) => void,
): [string, MessageRules] {
  const checkFields = nested<MessageShape<Desc>>(fields);
  const check = (message: MessageShape<Desc>, problems: Problems): void => {
    checkFields(message, "", problems);
    between?.(message, problems);
  };
  return [desc.typeName, { check: check as MessageRules["check"] }];
}
