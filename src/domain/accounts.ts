/** What an account_id may be: opaque, case-sensitive. */
export const ACCOUNT_ID_PATTERN = /^[A-Za-z0-9_.:-]{1,128}$/;

const PLATFORM_PREFIX = "sys:";

/** The platform's own accounts (rules 8). Callers can read them, never name them in a write. */
export const PLATFORM_ACCOUNTS = [
  "sys:deposits",
  "sys:promotions",
  "sys:adjustments",
  "sys:legacy",
  "sys:revenue",
  "sys:breakage",
  "sys:clawback_loss",
] as const;

export type PlatformAccountId = (typeof PLATFORM_ACCOUNTS)[number];

/**
 * Every platform account is kept as this many stripes, each an ordinary account for the invariants, so that instances and
 * overlapping batches don't wait for one row. The API shows their sum under the plain name.
 */
export const STRIPE_COUNT = 16;

/** Not a character of account_id, so no caller can name a stripe. */
const STRIPE_SEPARATOR = "#";

export function isPlatformAccount(accountId: string): boolean {
  return accountId.startsWith(PLATFORM_PREFIX);
}

/** Names of each account's stripes, made once: every settlement asks for one several times. */
const STRIPES = new Map<string, readonly string[]>(
  PLATFORM_ACCOUNTS.map((accountId) => [
    accountId,
    Array.from({ length: STRIPE_COUNT }, (_, stripe) => stripeName(accountId, stripe)),
  ]),
);

function stripeName(accountId: string, stripe: number): string {
  return `${accountId}${STRIPE_SEPARATOR}${String(stripe).padStart(2, "0")}`;
}

/** Name of one stripe's row: "sys:revenue#03". @param stripe 0 to 15 */
export function stripeOf(accountId: PlatformAccountId, stripe: number): string {
  return STRIPES.get(accountId)?.[stripe] ?? stripeName(accountId, stripe);
}

/** The name that callers know: "sys:revenue#03" → "sys:revenue". */
export function publicAccountId(storedAccountId: string): string {
  return isPlatformAccount(storedAccountId)
    ? (storedAccountId.split(STRIPE_SEPARATOR, 1)[0] as string)
    : storedAccountId;
}

/** The rows an account is kept in: itself, or all the stripes of a platform account. */
export function storedAccountIds(accountId: string): string[] {
  if (!isPlatformAccount(accountId)) return [accountId];
  return Array.from({ length: STRIPE_COUNT }, (_, stripe) => stripeOf(accountId as PlatformAccountId, stripe));
}
