import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import type { TestApp } from "../support/app.js";
import { fund, openGeneration, placeHold, registerTool } from "./support.js";

/** A call that is refused for a reason of the error table, in the JSON of the .proto files. */
export interface RefusedCall {
  readonly reason: string;
  readonly method: string;
  readonly request: object;
  readonly code: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Makes accounts and generations, and lists a refused call for each reason that callers can bring about. */
export async function refusedCalls(test: TestApp): Promise<RefusedCall[]> {
  await registerTool(test);
  await test.generations.upsertTool({
    tool: { toolId: "seconds", pricing: { unit: PricingUnit.SECOND, rateUsd: "0.001" } },
  });
  await fund(test, "alice");
  const credited = await test.economy.credit({
    requestId: "c-1",
    accountId: "alice",
    amountUsdMicros: 1n,
    source: CreditSource.DEPOSIT,
    externalReference: "chain:0x1:0",
  });
  const paid = await openGeneration(test, "g-paid", "alice", { runId: "run-paid" });
  await test.generations.completeGeneration({ generationId: paid, outcome: Outcome.SUCCEEDED });
  const open = await openGeneration(test, "g-open", "alice", { runId: "run-open" });
  const costless = await openGeneration(test, "g-costless", "alice", { toolId: "seconds" });
  await test.generations.completeGeneration({ generationId: costless, outcome: Outcome.SUCCEEDED });
  const spent = await test.economy.debit({ requestId: "d-1", accountId: "alice", amountUsdMicros: 7n });
  const spentId = spent.transaction?.transactionId ?? "";
  const creditId = credited.transaction?.transactionId ?? "";
  const ended = await placeHold(test, "h-1");
  await test.economy.releaseHold({ requestId: "h-2", holdId: ended });
  const reserving = await openGeneration(test, "g-held", "alice", { placeHold: true });
  const { generation } = await test.generations.getGeneration({ generationId: reserving });
  const owned = generation?.holdId ?? "";
  const missing = "01890000-0000-7000-8000-000000000000";
  const debit = { request_id: "r-1", account_id: "alice", amount_usd_micros: "5" };
  return [
    refused("INVALID_FIELDS", "INVALID_ARGUMENT", "GetTransaction", {}, {}),
    refused(
      "AMOUNT_OUT_OF_RANGE",
      "OUT_OF_RANGE",
      "Debit",
      { ...debit, amount_usd_micros: "1000000000001" },
      { amount_usd_micros: "1000000000001", limit_usd_micros: "1000000000000" },
    ),
    refused("ACCOUNT_NOT_FOUND", "NOT_FOUND", "GetBalance", { account_id: "nobody" }, { account_id: "nobody" }),
    refused(
      "TRANSACTION_NOT_FOUND",
      "NOT_FOUND",
      "GetTransaction",
      { transaction_id: missing },
      { transaction_id: missing },
    ),
    refused(
      "GENERATION_NOT_FOUND",
      "NOT_FOUND",
      "GetGeneration",
      { generation_id: missing },
      { generation_id: missing, run_id: "" },
    ),
    refused("HOLD_NOT_FOUND", "NOT_FOUND", "GetHold", { hold_id: missing }, { hold_id: missing }),
    refused(
      "HOLD_NOT_ACTIVE",
      "FAILED_PRECONDITION",
      "CaptureHold",
      { request_id: "r-6", hold_id: ended, amount_usd_micros: "1" },
      { hold_id: ended, state: "RELEASED" },
    ),
    refused(
      "HOLD_OWNED_BY_GENERATION",
      "FAILED_PRECONDITION",
      "ReleaseHold",
      { request_id: "r-7", hold_id: owned },
      { hold_id: owned, generation_id: reserving },
    ),
    refused(
      "TRANSACTION_NOT_REFUNDABLE",
      "FAILED_PRECONDITION",
      "RefundTransaction",
      { request_id: "r-8", transaction_id: creditId, refund_all: true },
      { transaction_id: creditId, type: "CREDIT" },
    ),
    refused(
      "REFUND_EXCEEDS_TRANSACTION",
      "FAILED_PRECONDITION",
      "RefundTransaction",
      { request_id: "r-9", transaction_id: spentId, amount_usd_micros: "8" },
      { transaction_id: spentId, refundable_usd_micros: "7" },
    ),
    refused("TOOL_NOT_FOUND", "NOT_FOUND", "GetTool", { tool_id: "no-tool" }, { tool_id: "no-tool" }),
    refused("POLICY_NOT_FOUND", "NOT_FOUND", "GetRewardPolicy", { policy_id: "gone" }, { policy_id: "gone" }),
    refused(
      "INSUFFICIENT_FUNDS",
      "FAILED_PRECONDITION",
      "Debit",
      { ...debit, account_id: "poor" },
      { account_id: "poor", available_usd_micros: "0", required_usd_micros: "5", shortfall_usd_micros: "5" },
    ),
    refused(
      "RUN_ALREADY_ATTACHED",
      "FAILED_PRECONDITION",
      "AttachRun",
      { generation_id: open, run_id: "run-other" },
      { generation_id: open, run_id: "run-open" },
    ),
    refused(
      "GENERATION_ALREADY_FINAL",
      "FAILED_PRECONDITION",
      "CompleteGeneration",
      { generation_id: paid, outcome: "OUTCOME_FAILED" },
      { generation_id: paid, state: "COMPLETED" },
    ),
    refused(
      "GENERATION_NOT_PAYABLE",
      "FAILED_PRECONDITION",
      "RetryPayment",
      { request_id: "r-2", generation_id: open },
      { generation_id: open, state: "PENDING" },
    ),
    refused(
      "COST_UNDETERMINED",
      "FAILED_PRECONDITION",
      "RetryPayment",
      { request_id: "r-3", generation_id: costless },
      { generation_id: costless },
    ),
    refused(
      "IDEMPOTENCY_KEY_REUSED",
      "ALREADY_EXISTS",
      "Debit",
      { ...debit, request_id: "c-1" },
      { request_id: "c-1" },
    ),
    refused(
      "EXTERNAL_REFERENCE_USED",
      "ALREADY_EXISTS",
      "Credit",
      { ...debit, request_id: "r-4", source: "CREDIT_SOURCE_DEPOSIT", external_reference: "chain:0x1:0" },
      { external_reference: "chain:0x1:0", transaction_id: creditId },
    ),
    refused(
      "RUN_ID_IN_USE",
      "ALREADY_EXISTS",
      "CreateGeneration",
      { request_id: "r-5", account_id: "alice", tool_id: "flux", run_id: "run-paid" },
      { run_id: "run-paid", generation_id: paid },
    ),
  ];
}

function refused(
  reason: string,
  code: string,
  method: string,
  request: object,
  metadata: Readonly<Record<string, string>>,
): RefusedCall {
  return { reason, code, method, request, metadata };
}
