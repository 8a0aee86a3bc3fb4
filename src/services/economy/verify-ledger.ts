import type { MethodImpl } from "@connectrpc/connect";
import { verifySlice } from "../../audit/verify-slice.js";
import { TollgateError } from "../../domain/errors.js";
import { type EconomyService, VerifyLedgerRequestSchema } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { callOf } from "../call.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";

/** Each slice has a connection of its own to the store, so that it sees one moment and holds up nobody. */
const MOST_SLICES_AT_ONCE = 4;

export function verifyLedger({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.verifyLedger> {
  let slicesRunning = 0;
  return async (request, context) => {
    const { accountId } = request;
    const binding = pageBinding(VerifyLedgerRequestSchema, request, callOf(context).caller);
    const position = pageTokens.read(request.pageToken, binding);
    if (slicesRunning >= MOST_SLICES_AT_ONCE) throw TollgateError.of("OVERLOADED", {});
    slicesRunning++;
    try {
      const slice = await verifySlice(store, { accountId, position, limit: pageSizeOf(request.pageSize) });
      const { checkedAccounts, checkedEntries, violations, next } = slice;
      const isUnknown = checkedAccounts + checkedEntries + violations.length === 0;
      if (accountId !== "" && position === undefined && isUnknown) {
        throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: accountId });
      }
      return {
        checkedAccounts: BigInt(checkedAccounts),
        checkedEntries: BigInt(checkedEntries),
        violations: violations.map(({ invariant, row, detail }) => ({ invariant, row, detail })),
        nextPageToken: next ? pageTokens.issue(next, binding) : "",
      };
    } finally {
      slicesRunning--;
    }
  };
}
