import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { FieldViolation, TollgateError } from "../domain/errors.js";
import { Code } from "../gen/google/rpc/code_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../gen/google/rpc/status_pb.js";

/** Domain of every ErrorInfo. */
export const ERROR_DOMAIN = "stationthis.economy";

/** A detail of a refusal, before it is packed. */
export interface ErrorDetail {
  readonly desc: DescMessage;
  readonly value: Record<string, unknown>;
}

/** Number of a refusal's google.rpc.Code. */
export function codeOf(error: TollgateError): number {
  const code = Code[error.code as keyof typeof Code];
  if (code === undefined) throw new Error(`the error table has an unknown code: ${error.code}`);
  return code;
}

/** What callers learn of a refusal besides its message: ErrorInfo always, BadRequest and RetryInfo where they help. */
export function detailsOf(error: TollgateError): ErrorDetail[] {
  const info: MessageInitShape<typeof ErrorInfoSchema> = {
    domain: ERROR_DOMAIN,
    reason: error.reason,
    metadata: { ...error.metadata },
  };
  const details: ErrorDetail[] = [{ desc: ErrorInfoSchema, value: info }];
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

/** A refusal as google.rpc.Status, as an answer inside an answer. */
export function toStatus(error: TollgateError): Status {
  const details = detailsOf(error).map(({ desc, value }) => anyPack(desc, create(desc, value as never)));
  return create(StatusSchema, { code: codeOf(error), message: error.message, details });
}

/** For an item of an atomic batch that nothing is wrong with. */
export function abortedStatus(refusedItem: number): Status {
  return create(StatusSchema, {
    code: Code.ABORTED,
    message: `item ${refusedItem} was refused, so nothing was posted`,
  });
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
