/**
 * Every way Tollgate refuses a call, in one table. docs/errors.md is checked against it, and both transports send it as
 * google.rpc.Status details: an ErrorInfo with the reason and the metadata named here, BadRequest with `violations`, RetryInfo with `retryAfterMs`.
 *
 * `{name}` in a message stands for the metadata of that name, so every number of a message is also in the metadata.
 */
export const ERRORS = {
  INVALID_FIELDS: {
    code: "INVALID_ARGUMENT",
    metadata: [],
    message: "the request has fields that can't be taken",
  },
  AMOUNT_OUT_OF_RANGE: {
    code: "OUT_OF_RANGE",
    metadata: ["amount_usd_micros", "limit_usd_micros"],
    message: "{amount_usd_micros} micro-USD passes the limit of {limit_usd_micros}",
  },
  ACCOUNT_NOT_FOUND: { code: "NOT_FOUND", metadata: ["account_id"], message: "account {account_id} has no entries" },
  TRANSACTION_NOT_FOUND: {
    code: "NOT_FOUND",
    metadata: ["transaction_id"],
    message: "there is no transaction {transaction_id}",
  },
  GENERATION_NOT_FOUND: {
    code: "NOT_FOUND",
    metadata: ["generation_id", "run_id"],
    message: "there is no generation with generation_id {generation_id} or run_id {run_id}",
  },
  HOLD_NOT_FOUND: { code: "NOT_FOUND", metadata: ["hold_id"], message: "there is no hold {hold_id}" },
  TOOL_NOT_FOUND: {
    code: "NOT_FOUND",
    metadata: ["tool_id"],
    message: "there is no tool {tool_id}, or it is archived",
  },
  POLICY_NOT_FOUND: { code: "NOT_FOUND", metadata: ["policy_id"], message: "there is no reward policy {policy_id}" },
  INSUFFICIENT_FUNDS: {
    code: "FAILED_PRECONDITION",
    metadata: ["account_id", "available_usd_micros", "required_usd_micros", "shortfall_usd_micros"],
    message:
      "account {account_id} has {available_usd_micros} micro-USD available and needs {required_usd_micros}: {shortfall_usd_micros} short",
  },
  HOLD_NOT_ACTIVE: {
    code: "FAILED_PRECONDITION",
    metadata: ["hold_id", "state"],
    message: "hold {hold_id} is {state}; only an ACTIVE one can be captured or released",
  },
  HOLD_OWNED_BY_GENERATION: {
    code: "FAILED_PRECONDITION",
    metadata: ["hold_id", "generation_id"],
    message: "hold {hold_id} ends with generation {generation_id} and not by itself",
  },
  TRANSACTION_NOT_REFUNDABLE: {
    code: "FAILED_PRECONDITION",
    metadata: ["transaction_id", "type"],
    message:
      "transaction {transaction_id} is a {type}; only DEBIT, HOLD_CAPTURE and GENERATION_SETTLEMENT can be given back",
  },
  REFUND_EXCEEDS_TRANSACTION: {
    code: "FAILED_PRECONDITION",
    metadata: ["transaction_id", "refundable_usd_micros"],
    message: "of transaction {transaction_id} only {refundable_usd_micros} micro-USD can still be given back",
  },
  RUN_ALREADY_ATTACHED: {
    code: "FAILED_PRECONDITION",
    metadata: ["generation_id", "run_id"],
    message: "generation {generation_id} is run {run_id}, not the one given",
  },
  GENERATION_ALREADY_FINAL: {
    code: "FAILED_PRECONDITION",
    metadata: ["generation_id", "state"],
    message:
      "generation {generation_id} ended as {state}; this completion says otherwise, changed nothing and was recorded as a conflict",
  },
  GENERATION_NOT_PAYABLE: {
    code: "FAILED_PRECONDITION",
    metadata: ["generation_id", "state"],
    message: "generation {generation_id} is {state}; only a PAYMENT_FAILED one can be paid for again",
  },
  COST_UNDETERMINED: {
    code: "FAILED_PRECONDITION",
    metadata: ["generation_id"],
    message:
      "the cost of generation {generation_id} is not known yet; complete it once more with a final cost, a duration or a quantity",
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: "ALREADY_EXISTS",
    metadata: ["request_id"],
    message: "request_id {request_id} was used for another request",
  },
  EXTERNAL_REFERENCE_USED: {
    code: "ALREADY_EXISTS",
    metadata: ["external_reference", "transaction_id"],
    message: "external_reference {external_reference} was credited by transaction {transaction_id}",
  },
  RUN_ID_IN_USE: {
    code: "ALREADY_EXISTS",
    metadata: ["run_id", "generation_id"],
    message: "run {run_id} belongs to generation {generation_id}",
  },
  OVERLOADED: {
    code: "RESOURCE_EXHAUSTED",
    metadata: [],
    message: "too many calls are waiting; try again shortly",
  },
  STORE_UNAVAILABLE: {
    code: "UNAVAILABLE",
    metadata: [],
    message: "the store can't be reached; try again with the same request_id",
  },
  INTERNAL: {
    code: "INTERNAL",
    metadata: ["correlation_id"],
    message: "something went wrong; the log has it under {correlation_id}",
  },
} as const satisfies Record<string, ErrorRow>;

interface ErrorRow {
  /** Name of the google.rpc.Code it is sent with. */
  readonly code: string;
  /** Keys of the ErrorInfo metadata, all of them set. */
  readonly metadata: readonly string[];
  readonly message: string;
}

export type ErrorReason = keyof typeof ERRORS;
type MetadataKey<R extends ErrorReason> = (typeof ERRORS)[R]["metadata"][number];

/** One field of a request that can't be taken. */
export interface FieldViolation {
  /** Path in the request, in proto names: "attribution.loras[2].lora_id". */
  readonly field: string;
  /** What it takes. */
  readonly description: string;
}

/** Waits suggested to callers, in milliseconds. */
const RETRY_AFTER_MS: Partial<Record<ErrorReason, number>> = { OVERLOADED: 100, STORE_UNAVAILABLE: 1_000 };

/** A refusal from the table above. Anything else that is thrown is a defect and reaches callers as INTERNAL. */
export class TollgateError extends Error {
  override readonly name = "TollgateError";

  private constructor(
    readonly reason: ErrorReason,
    readonly metadata: Readonly<Record<string, string>>,
    readonly violations: readonly FieldViolation[],
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  /** Refuses with the table's message, filled in. `cause` is for the log only. */
  static of<R extends ErrorReason>(
    reason: R,
    metadata: Record<MetadataKey<R>, string | bigint>,
    cause?: unknown,
  ): TollgateError {
    const texts: Record<string, string> = {};
    for (const key of ERRORS[reason].metadata) texts[key] = String((metadata as Record<string, unknown>)[key]);
    const message = ERRORS[reason].message.replace(/\{(\w+)\}/g, (_, key: string) => texts[key] ?? "");
    return new TollgateError(reason, texts, [], message, cause);
  }

  /** Refuses a request with everything that is wrong with it at once. */
  static invalid(violations: readonly FieldViolation[]): TollgateError {
    const shown = violations
      .slice(0, 5)
      .map((violation) => `${violation.field}: ${violation.description}`)
      .join("; ");
    const more = violations.length > 5 ? `; and ${violations.length - 5} more` : "";
    return new TollgateError("INVALID_FIELDS", {}, violations, shown + more);
  }

  /** Name of the google.rpc.Code. */
  get code(): string {
    return ERRORS[this.reason].code;
  }

  /** How long to wait before trying again, where waiting helps. */
  get retryAfterMs(): number | undefined {
    return RETRY_AFTER_MS[this.reason];
  }
}

/** An account that has less than it needs. */
export function insufficientFunds(
  accountId: string,
  availableUsdMicros: bigint,
  requiredUsdMicros: bigint,
): TollgateError {
  return TollgateError.of("INSUFFICIENT_FUNDS", {
    account_id: accountId,
    available_usd_micros: availableUsdMicros,
    required_usd_micros: requiredUsdMicros,
    shortfall_usd_micros: requiredUsdMicros - availableUsdMicros,
  });
}
