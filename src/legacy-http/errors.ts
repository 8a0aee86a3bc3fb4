import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { legacyFieldOf } from "./field-names.js";
import { formatUsd } from "./money.js";

/** One field that can't be taken, by the name that the caller gave it. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** A refusal as old callers read it. */
export class LegacyError extends Error {
  override readonly name = "LegacyError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details?: object,
    /** The request's name in the log, where the service gave it another than ours. */
    readonly requestId?: string,
  ) {
    super(message);
  }
}

/** Every body of an error on these paths. */
export function errorEnvelope(error: LegacyError, requestId: string): object {
  const { code, message, details } = error;
  return { error: { code, message, ...(details && { details }), requestId: error.requestId ?? requestId } };
}

/** 400 INVALID_INPUT with everything that is wrong at once. */
export function invalidInput(problems: readonly FieldProblem[]): LegacyError {
  const message = problems
    .slice(0, 5)
    .map((problem) => `${problem.field}: ${problem.message}`)
    .join("; ");
  return new LegacyError(400, "INVALID_INPUT", message, { fields: problems });
}

/** The old name of a reason; every other reason goes out under its own. */
const OLD_CODES: ReadonlyMap<string, string> = new Map([
  ["ACCOUNT_NOT_FOUND", "ECONOMY_RECORD_NOT_FOUND"],
  ["TRANSACTION_NOT_FOUND", "NOT_FOUND"],
  ["TOOL_NOT_FOUND", "NOT_FOUND"],
]);

const STATUSES: ReadonlyMap<Code, number> = new Map([
  [Code.InvalidArgument, 400],
  [Code.OutOfRange, 400],
  [Code.Unauthenticated, 401],
  [Code.PermissionDenied, 403],
  [Code.NotFound, 404],
  [Code.AlreadyExists, 409],
  [Code.FailedPrecondition, 409],
  [Code.ResourceExhausted, 503],
  [Code.Unavailable, 503],
  [Code.DeadlineExceeded, 503],
  [Code.Canceled, 503],
]);

/** What the service refused, as old callers read it. */
export function fromService(error: ConnectError): LegacyError {
  const [info] = error.findDetails(ErrorInfoSchema);
  const reason = info?.reason ?? "";
  const metadata = info?.metadata ?? {};
  const status = STATUSES.get(error.code);
  if (status === undefined) {
    return new LegacyError(500, "INTERNAL_SERVER_ERROR", "something went wrong", undefined, metadata.correlation_id);
  }
  if (status === 503) return new LegacyError(503, "SERVICE_UNAVAILABLE", "try again shortly with the same key");
  const violations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  if (violations.length > 0) {
    return invalidInput(violations.map(({ field, description }) => problemOf(field, description)));
  }
  if (reason === "AMOUNT_OUT_OF_RANGE") return outOfRange(metadata);
  const code = OLD_CODES.get(reason) ?? (reason === "" ? "REFUSED" : reason);
  const details = Object.entries(metadata).map(([key, value]) => [legacyFieldOf(key), value]);
  return new LegacyError(status, code, error.rawMessage, details.length > 0 ? Object.fromEntries(details) : undefined);
}

/** True of the refusal that each route words in its own way. */
export function isInsufficientFunds(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.findDetails(ErrorInfoSchema)[0]?.reason === "INSUFFICIENT_FUNDS";
}

function outOfRange(metadata: Readonly<Record<string, string>>): LegacyError {
  const usdOf = (name: string) => formatUsd(BigInt(metadata[name] ?? "0"));
  const details = { amountUsd: usdOf("amount_usd_micros"), limitUsd: usdOf("limit_usd_micros") };
  const message = `${details.amountUsd} US$ passes the limit of ${details.limitUsd}`;
  return new LegacyError(400, "INVALID_INPUT", message, details);
}

function problemOf(field: string, description: string): FieldProblem {
  return { field: legacyFieldOf(field), message: description };
}
