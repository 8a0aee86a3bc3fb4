import { Code, ConnectError } from "@connectrpc/connect";
import { TollgateError } from "../domain/errors.js";
import { codeOf, detailsOf } from "../services/error-details.js";
import { StoreError } from "../storage/store.js";

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

/** google.rpc.Code and Connect's codes are the same numbers. */
function fromTable(error: TollgateError): ConnectError {
  return new ConnectError(error.message, codeOf(error) as number as Code, undefined, detailsOf(error), error.cause);
}
