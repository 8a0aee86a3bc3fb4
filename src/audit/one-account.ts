import { publicAccountId, storedAccountIds } from "../domain/accounts.js";
import type { AuditView } from "../storage/audit-store.js";

/** Below every version that a row can have, a tampered one too. */
const LOWEST_VERSION = -(2n ** 63n);

/**
 * A view that walks the accounts, entries, grants and holds of one account only: of a platform account, of all its stripes. Everything else it shows as the whole view does.
 * @param accountId as callers know it
 */
export function viewOfAccount(view: AuditView, accountId: string): AuditView {
  const [start = accountId] = storedAccountIds(accountId);
  const isOfAccount = (row: { readonly accountId: string }): boolean => publicAccountId(row.accountId) === accountId;
  const narrowed: Pick<
    AuditView,
    "accountsAfter" | "accountsFrom" | "allEntriesAfter" | "chainLinksAfter" | "allGrantsAfter" | "allHoldsAfter"
  > = {
    async accountsAfter(after, limit) {
      const rows = after === "" ? view.accountsFrom(start, limit) : view.accountsAfter(after, limit);
      return (await rows).filter(isOfAccount);
    },
    async accountsFrom(from, limit) {
      return (await view.accountsFrom(from, limit)).filter(isOfAccount);
    },
    async allEntriesAfter(after, limit) {
      const from = after.accountId === "" ? { accountId: start, accountVersion: LOWEST_VERSION } : after;
      return (await view.allEntriesAfter(from, limit)).filter(([entry]) => isOfAccount(entry));
    },
    async chainLinksAfter(after, limit) {
      const from = after.accountId === "" ? { ...after, accountId: start, accountVersion: LOWEST_VERSION } : after;
      return (await view.chainLinksAfter(from, limit)).filter(isOfAccount);
    },
    async allGrantsAfter(after, limit) {
      const from = after.accountId === "" ? { accountId: start, grantId: "" } : after;
      return (await view.allGrantsAfter(from, limit)).filter(isOfAccount);
    },
    async allHoldsAfter(after, limit) {
      const from = after.accountId === "" ? { accountId: start, holdId: "" } : after;
      return (await view.allHoldsAfter(from, limit)).filter(isOfAccount);
    },
  };
  return Object.assign(Object.create(view), narrowed);
}
