import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type FieldViolation, TollgateError } from "../domain/errors.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StoreError } from "../storage/store.js";

/** Domain of every ErrorInfo. */
export const ERROR_DOMAIN = "stationthis.economy";

const CODES: Readonly<Record<string, Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  OUT_OF_RANGE: Code.OutOfRange,
  NOT_FOUND: Code.NotFound,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  ALREADY_EXISTS: Code.AlreadyExists,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  UNAVAILABLE: Code.Unavailable,
  INTERNAL: Code.Internal,
};

/**
 * What callers see of anything thrown: the error table's row with its details. A ConnectError passes as it is (a deadline, a cancellation, a transport's own refusal); what is
 * neither is a defect: callers get a correlation id, the log gets the rest.
 */
export function toConnectError(error: unknown, correlationId: string): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof TollgateError) return fromTable(error);
  if (error instanceof StoreError && error.kind !== "REFUSED") {
    return fromTable(TollgateError.of("STORE_UNAVAILABLE", {}, error));
  }
  if (error instanceof Error && error.name === "AbortError")
    return new ConnectError("the call was cancelled", Code.Canceled);
  return fromTable(TollgateError.of("INTERNAL", { correlation_id: correlationId }, error));
}

type Detail = { readonly desc: DescMessage; readonly value: Record<string, unknown> };

function fromTable(error: TollgateError): ConnectError {
  const code = CODES[error.code];
  if (code === undefined) throw new Error(`the error table has an unknown code: ${error.code}`);
  return new ConnectError(error.message, code, undefined, detailsOf(error), error.cause);
}

function detailsOf(error: TollgateError): Detail[] {
  const info: MessageInitShape<typeof ErrorInfoSchema> = {
    domain: ERROR_DOMAIN,
    reason: error.reason,
    metadata: { ...error.metadata },
  };
  const details: Detail[] = [{ desc: ErrorInfoSchema, value: info }];
  if (error.violations.length > 0) {
    details.push({ desc: BadRequestSchema, value: { fieldViolations: sendable(error.violations) } });
  }
  if (error.retryAfterMs !== undefined) {
    const nanos = (error.retryAfterMs % 1_000) * 1_000_000;
    const retryDelay = { seconds: BigInt(Math.floor(error.retryAfterMs / 1_000)), nanos };
    details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return details;
}

/**
 * gRPC sends details as a header. Clients take 8 KiB of headers by default, and one that gets far more may never hear an answer, so violations stop here; the
 * message says how many there are.
 */
const MOST_VIOLATION_BYTES = 2_048;

function sendable(violations: readonly FieldViolation[]): FieldViolation[] {
  let bytes = 0;
  const fits = violations.filter(({ field, description }, index) => {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description);
    return index === 0 || bytes <= MOST_VIOLATION_BYTES;
  });
  return fits.map((violation) => ({ ...violation }));
}
