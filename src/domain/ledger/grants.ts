import { type EpochMicros, LATEST_TIME } from "../time.js";
import type { CreditCategory, Grant, GrantMovement } from "./rows.js";

export const DEFAULT_GRANT_PRIORITY = 50;

export type CreditSource = "DEPOSIT" | "PURCHASE" | "PROMOTION" | "ADMIN_GIFT" | "ADJUSTMENT" | "COMPENSATION";

/** The category of a credit that names none (rules 5.1). */
export function defaultCategory(source: CreditSource): CreditCategory {
  return source === "PROMOTION" || source === "ADMIN_GIFT" || source === "COMPENSATION" ? "PROMOTIONAL" : "PAID";
}

/** Orders grants as debits burn them: priority, then earliest expiry, none last, then promotional before paid, then oldest (rules 5.1). */
export function byBurnOrder(a: Grant, b: Grant): number {
  return (
    a.priority - b.priority ||
    compare(a.expireTime ?? LATEST_TIME, b.expireTime ?? LATEST_TIME) ||
    categoryRank(a.category) - categoryRank(b.category) ||
    compare(a.accountVersion, b.accountVersion) ||
    compare(a.grantId, b.grantId)
  );
}

function categoryRank(category: CreditCategory): number {
  return category === "PROMOTIONAL" ? 0 : 1;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What burning an amount does to each grant. */
export interface BurnPlan {
  readonly movements: readonly GrantMovement[];
  /** What the grants given don't cover. */
  readonly uncoveredUsdMicros: bigint;
}

/** Plans a burn; changes nothing. @param grants in burn order */
export function planBurn(grants: readonly Grant[], amountUsdMicros: bigint): BurnPlan {
  const movements: GrantMovement[] = [];
  let left = amountUsdMicros;
  for (const grant of grants) {
    if (left === 0n) break;
    if (grant.remainingUsdMicros === 0n) continue;
    const taken = grant.remainingUsdMicros < left ? grant.remainingUsdMicros : left;
    movements.push([grant.grantId, -taken]);
    left -= taken;
  }
  return { movements, uncoveredUsdMicros: left };
}

/** Whether a grant's time is up. */
export function isDue(grant: Grant, now: EpochMicros): boolean {
  return grant.expireTime !== null && grant.expireTime <= now && grant.remainingUsdMicros > 0n;
}

/**
 * What a refund puts back, in reverse burn order (rules 5.3).
 * @param burned the entry's movements, negative, in burn order
 * @param alreadyBackUsdMicros what earlier refunds have put back of them
 */
export function planRestore(
  burned: readonly GrantMovement[],
  alreadyBackUsdMicros: bigint,
  amountUsdMicros: bigint,
): GrantMovement[] {
  const restored: GrantMovement[] = [];
  let toSkip = alreadyBackUsdMicros;
  let left = amountUsdMicros;
  for (const [grantId, movement] of [...burned].reverse()) {
    const skipped = -movement < toSkip ? -movement : toSkip;
    toSkip -= skipped;
    const open = -movement - skipped;
    const back = open < left ? open : left;
    if (back > 0n) restored.push([grantId, back]);
    left -= back;
  }
  return restored;
}
