import { TollgateError } from "../../domain/errors.js";
import type { Attribution, RewardPolicy } from "../../domain/fees.js";
import type { Generation, Notification, Tool } from "../../domain/generation/generation.js";
import type { Pricing } from "../../domain/pricing.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import { requireFreeRun } from "./run.js";

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
  readonly rewardPolicy: RewardPolicy;
  readonly castId: string;
  readonly stepIndex: number;
  readonly notification: Notification;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Opens a generation with its price and policy fixed. Refuses with TOOL_NOT_FOUND, RUN_ID_IN_USE. */
export function createGeneration(
  input: CreateGenerationInput,
): Command<Idempotent<{ readonly generation: Generation }>> {
  return {
    name: "CreateGeneration",
    request: input.request,
    generations: input.runId === "" ? [] : [{ generationId: "", runId: input.runId }],
    accounts: () => [],
    apply(set) {
      const before = recorded(set, input.request, input.generationId);
      if (before) return before;
      if (!input.tool || input.tool.archived) throw TollgateError.of("TOOL_NOT_FOUND", { tool_id: input.toolId });
      const provider = input.provider || input.tool.provider;
      if (input.runId !== "") requireFreeRun(set, provider, input.runId);
      const generation: Generation = {
        generationId: input.generationId,
        accountId: input.accountId,
        payerAccountId: input.payerAccountId,
        fallbackPayerAccountId: input.fallbackPayerAccountId,
        toolId: input.toolId,
        provider,
        pricing: input.pricing ?? input.tool.pricing,
        attribution: input.attribution,
        rewardPolicy: input.rewardPolicy,
        castId: input.castId,
        stepIndex: input.stepIndex,
        notification: input.notification,
        metadata: input.metadata,
        createTime: set.now,
        runId: input.runId,
        ...NOTHING_OBSERVED,
        updateTime: set.now,
      };
      set.openGeneration(generation);
      set.record(input.request, "GENERATION", input.generationId);
      return { kind: "done", generation };
    },
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
