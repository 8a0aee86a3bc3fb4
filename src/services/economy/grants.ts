import type { MethodImpl } from "@connectrpc/connect";
import { asIfWritten } from "../../domain/ledger/as-of.js";
import {
  type EconomyService,
  ListCreditGrantsRequestSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { callOf } from "../call.js";
import { toCreditGrant } from "../convert/economy.js";
import { nowMicros } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { pageBinding } from "../requests.js";
import { readTogether } from "./accounts.js";

export function listCreditGrants({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.listCreditGrants> {
  return async (request, context) => {
    const { accountId, includeSpent } = request;
    const binding = pageBinding(ListCreditGrantsRequestSchema, request, callOf(context).caller);
    const cursor = pageTokens.read(request.pageToken, binding);
    const [row] = await store.accounts([accountId]);
    if (!row) return {};
    const { page, remaining } = await readTogether(store, row, async (account) => ({
      page: await store.listGrants(accountId, includeSpent, cursor, pageSizeOf(request.pageSize)),
      remaining: asIfWritten(account, await store.due(accountId, nowMicros())).remainingByGrant,
    }));
    const grants = page.rows.map((grant) => ({
      ...grant,
      remainingUsdMicros: remaining.get(grant.grantId) ?? grant.remainingUsdMicros,
    }));
    return {
      creditGrants: grants.filter((grant) => includeSpent || grant.remainingUsdMicros > 0n).map(toCreditGrant),
      nextPageToken: page.next ? pageTokens.issue(page.next, binding) : "",
    };
  };
}
