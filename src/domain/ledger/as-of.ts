import type { EpochMicros } from "../time.js";
import { byBurnOrder, planBurn } from "./grants.js";
import type { Account, Grant, Hold } from "./rows.js";

/** What is due in an account and not written off yet. */
export interface Due {
  readonly holds: readonly Hold[];
  readonly grants: readonly Grant[];
}

/** An account and its due grants as they will be once what is due is written. */
export interface AsOfNow {
  readonly account: Account;
  /** What is left of each due grant. */
  readonly remainingByGrant: ReadonlyMap<string, bigint>;
}

/** Shows an account as if everything due had been written (rules 5.2): reads do this, so that expired credit and expired holds never show. */
export function asIfWritten(account: Account, due: Due): AsOfNow {
  const ended = due.holds.reduce((sum, hold) => sum + hold.amountUsdMicros, 0n);
  const heldUsdMicros = account.heldUsdMicros - ended;
  const grants = [...due.grants].sort(byBurnOrder);
  const overdue = grants.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
  const available = account.balanceUsdMicros - heldUsdMicros;
  const leaving = available < overdue ? available : overdue;
  const taken = new Map(planBurn(grants, leaving).movements);
  const promotional = grants
    .filter((grant) => grant.category === "PROMOTIONAL")
    .reduce((sum, grant) => sum - (taken.get(grant.grantId) ?? 0n), 0n);
  return {
    account: {
      ...account,
      heldUsdMicros,
      balanceUsdMicros: account.balanceUsdMicros - leaving,
      promotionalUsdMicros: account.promotionalUsdMicros - promotional,
    },
    remainingByGrant: new Map(
      grants.map((grant) => [grant.grantId, grant.remainingUsdMicros + (taken.get(grant.grantId) ?? 0n)]),
    ),
  };
}

/** A hold as it is at a time: one whose time is up has expired, swept or not. */
export function holdAt(hold: Hold, now: EpochMicros): Hold {
  const isOver = hold.state === "ACTIVE" && hold.expireTime !== null && hold.expireTime <= now;
  return isOver ? { ...hold, state: "EXPIRED" } : hold;
}
