import { hash } from "node:crypto";
import type { CreditCategory, Grant, GrantMovement } from "./rows.js";

export const DEFAULT_GRANT_PRIORITY = 50;

export type CreditSource = "DEPOSIT" | "PURCHASE" | "PROMOTION" | "ADMIN_GIFT" | "ADJUSTMENT" | "COMPENSATION";

/** The category of a credit that names none (rules 5.1). */
export function defaultCategory(source: CreditSource): CreditCategory {
  return source === "PROMOTION" || source === "ADMIN_GIFT" || source === "COMPENSATION" ? "PROMOTIONAL" : "PAID";
}

/** Orders grants as debits burn them: priority, then promotional before paid, then oldest (rules 5.1). */
export function byBurnOrder(a: Grant, b: Grant): number {
  return (
    a.priority - b.priority ||
    categoryRank(a.category) - categoryRank(b.category) ||
    compare(a.createTime, b.createTime) ||
    compare(a.grantId, b.grantId)
  );
}

function categoryRank(category: CreditCategory): number {
  return category === "PROMOTIONAL" ? 0 : 1;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What burning an amount does to each grant. Changes nothing itself. */
export interface BurnPlan {
  readonly movements: readonly GrantMovement[];
  readonly promotionalUsdMicros: bigint;
  /** What the grants given don't cover. */
  readonly uncoveredUsdMicros: bigint;
}

/** @param grants in burn order */
export function planBurn(grants: readonly Grant[], amountUsdMicros: bigint): BurnPlan {
  const movements: GrantMovement[] = [];
  let left = amountUsdMicros;
  let promotionalUsdMicros = 0n;
  for (const grant of grants) {
    if (left === 0n) break;
    if (grant.remainingUsdMicros === 0n) continue;
    const taken = grant.remainingUsdMicros < left ? grant.remainingUsdMicros : left;
    movements.push([grant.grantId, -taken]);
    if (grant.category === "PROMOTIONAL") promotionalUsdMicros += taken;
    left -= taken;
  }
  return { movements, promotionalUsdMicros, uncoveredUsdMicros: left };
}

/**
 * Id of the grant that a transaction opens in an account: a UUID made from both, so that replaying the same commands makes the same
 * ids and two grants of one transaction differ.
 */
export function grantIdFor(transactionId: string, accountId: string): string {
  const digest = hash("sha256", `grant\n${transactionId}\n${accountId}`, "hex");
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
