import { insufficientFunds, TollgateError } from "../../domain/errors.js";
import type { Attribution } from "../../domain/fees.js";
import { estimatedBase } from "../../domain/generation/estimate.js";
import type { Estimate, FundsPolicy, Generation, Notification, Tool } from "../../domain/generation/generation.js";
import { type FeeTerms, planSettlement } from "../../domain/generation/settlement.js";
import type { Hold } from "../../domain/ledger/rows.js";
import type { Pricing } from "../../domain/pricing.js";
import { policyTerms } from "../../domain/reward-policies.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import type { WorkingSet } from "../working-set.js";
import { requireFreeRun } from "./run.js";
import { requireWithinLimit } from "./settle.js";

export interface CreateGenerationInput {
  readonly request: IdempotentRequest;
  readonly generationId: string;
  readonly accountId: string;
  readonly payerAccountId: string;
  readonly fallbackPayerAccountId: string;
  readonly toolId: string;
  /** As registered now; undefined if it isn't. Looked at only if the request is no repetition. */
  readonly tool: Tool | undefined;
  /** "" takes the tool's. */
  readonly provider: string;
  /** "" if not known yet. */
  readonly runId: string;
  /** Instead of the tool's. */
  readonly pricing: Pricing | undefined;
  readonly attribution: Attribution;
  readonly castId: string;
  readonly stepIndex: number;
  readonly notification: Notification;
  readonly metadata: Readonly<Record<string, string>>;
  /** Id of the hold, should there be one. */
  readonly holdId: string;
  /** Whether the caller asks for a hold; the tool may ask for one too. */
  readonly placesHold: boolean;
  /** What the caller expects; what it leaves open, the tool's default says. */
  readonly estimate: Estimate;
}

/** An open generation, with what was set aside for it. */
export interface CreatedGeneration {
  readonly generation: Generation;
  readonly hold: Hold | undefined;
}

/**
 * Opens a generation with its price and policy fixed, and with the previewed total set aside if the caller or the tool asks for it (rules 4.3, 4.4).
 * Refuses with TOOL_NOT_FOUND, RUN_ID_IN_USE, INSUFFICIENT_FUNDS, and INVALID_FIELDS where the preview needs an estimate and there is none.
 */
export function createGeneration(input: CreateGenerationInput): Command<Idempotent<CreatedGeneration>> {
  const needs = fundsNeededBy(input);
  return {
    name: "CreateGeneration",
    requests: [input.request],
    generations: input.runId === "" ? [] : [{ generationId: "", runId: input.runId }],
    needsRewardPolicy: true,
    accounts: () => (needs === "NONE" ? [] : payersIn(input)),
    apply(set) {
      const before = recorded(set, input.request, input.generationId);
      if (before) return before;
      if (!input.tool || input.tool.archived) throw TollgateError.of("TOOL_NOT_FOUND", { tool_id: input.toolId });
      const provider = input.provider || input.tool.provider;
      if (input.runId !== "") requireFreeRun(set, provider, input.runId);
      const rewardPolicy = policyTerms(set.rewardPolicy());
      const reserved = needs === "NONE" ? undefined : requireFunds(set, { rewardPolicy, ...input }, input.tool);
      const hold = reserved && needs === "REQUIRE_HOLD" ? holdFor(set, input, reserved) : undefined;
      const generation: Generation = {
        generationId: input.generationId,
        accountId: input.accountId,
        payerAccountId: input.payerAccountId,
        fallbackPayerAccountId: input.fallbackPayerAccountId,
        toolId: input.toolId,
        provider,
        pricing: input.pricing ?? input.tool.pricing,
        attribution: input.attribution,
        rewardPolicy,
        castId: input.castId,
        stepIndex: input.stepIndex,
        notification: input.notification,
        metadata: input.metadata,
        holdId: hold?.holdId ?? "",
        createTime: set.now,
        runId: input.runId,
        ...NOTHING_OBSERVED,
        updateTime: set.now,
      };
      if (hold) set.books.placeHold(hold);
      set.openGeneration(generation);
      set.record(input.request, "GENERATION", input.generationId);
      return { kind: "done", generation, hold: hold && { ...hold } };
    },
  };
}

/** What has to be shown or set aside before the generation begins. */
function fundsNeededBy({ placesHold, tool }: CreateGenerationInput): FundsPolicy {
  return placesHold ? "REQUIRE_HOLD" : (tool?.fundsPolicy ?? "NONE");
}

function payersIn({ payerAccountId, fallbackPayerAccountId }: CreateGenerationInput): string[] {
  return fallbackPayerAccountId === "" ? [payerAccountId] : [payerAccountId, fallbackPayerAccountId];
}

/** Who could pay the previewed total now, and how much that is. */
interface Reserved {
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
}

/** @throws TollgateError INSUFFICIENT_FUNDS, INVALID_FIELDS, AMOUNT_OUT_OF_RANGE */
function requireFunds(set: WorkingSet, input: CreateGenerationInput & FeeTerms, tool: Tool): Reserved {
  const pricing = input.pricing ?? tool.pricing;
  const base = estimatedBase(pricing, input.estimate, tool.defaultEstimate)?.baseUsdMicros;
  if (base === undefined) throw estimateMissing(pricing);
  const plan = planSettlement(input, base, payersIn(input), (accountId) => set.books.available(accountId));
  if (plan.kind === "short") throw insufficientFunds(plan.accountId, plan.availableUsdMicros, plan.requiredUsdMicros);
  requireWithinLimit(plan.totalUsdMicros);
  return { accountId: plan.chargedAccountId, amountUsdMicros: plan.totalUsdMicros };
}

function estimateMissing({ unit }: Pricing): TollgateError {
  const field = unit === "TOKEN" ? "estimated_quantity" : "estimated_run_duration";
  return TollgateError.invalid([
    { field, description: `is required: the tool has no default and is priced by ${unit}` },
  ]);
}

/** A free generation needs nothing set aside. */
function holdFor(set: WorkingSet, input: CreateGenerationInput, reserved: Reserved): Hold | undefined {
  if (reserved.amountUsdMicros === 0n) return undefined;
  return {
    holdId: input.holdId,
    ...reserved,
    capturedUsdMicros: 0n,
    state: "ACTIVE",
    generationId: input.generationId,
    description: "",
    expireTime: null,
    createTime: set.now,
  };
}

/** What is known of a run before anything is reported. */
const NOTHING_OBSERVED = {
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
} as const;

/** A generation as CreateGeneration first returned it. @param runId the one in the request, or "" */
export function asFirstCreated(generation: Generation, runId: string): Generation {
  return { ...generation, ...NOTHING_OBSERVED, runId, updateTime: generation.createTime };
}
