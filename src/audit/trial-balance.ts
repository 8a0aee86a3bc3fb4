import { isPlatformAccount, PLATFORM_ACCOUNTS, publicAccountId, storedAccountIds } from "../domain/accounts.js";
import type { Account } from "../domain/ledger/rows.js";
import { type Finding, finding } from "./violations.js";

/** One line of the trial balance. */
export interface TrialBalanceLine {
  /** A platform account by its public name, or "users" for all others together. */
  readonly accountId: string;
  readonly balanceUsdMicros: bigint;
  /** Rows in the sum: stripes, or users. */
  readonly accounts: number;
}

const USERS = "users";
/** For rows that no platform account has; each is a violation. */
const UNKNOWN = "sys:?";

const KNOWN_STRIPES = new Set(PLATFORM_ACCOUNTS.flatMap(storedAccountIds));

/** Adds up balances by platform account (rules 8.1). A fixed number of lines, whatever the accounts are called. No I/O. */
export class TrialBalance {
  private readonly sums = new Map<string, { balanceUsdMicros: bigint; accounts: number }>(
    [...PLATFORM_ACCOUNTS, USERS].map((line) => [line, { balanceUsdMicros: 0n, accounts: 0 }]),
  );

  *add({ accountId, balanceUsdMicros }: Account): Generator<Finding> {
    const isKnown = !isPlatformAccount(accountId) || KNOWN_STRIPES.has(accountId);
    if (!isKnown) yield finding("known-platform-account", `account ${accountId}`, "is no stripe of a platform account");
    const line = !isKnown ? UNKNOWN : isPlatformAccount(accountId) ? publicAccountId(accountId) : USERS;
    const sum = this.sums.get(line) ?? { balanceUsdMicros: 0n, accounts: 0 };
    this.sums.set(line, sum);
    sum.balanceUsdMicros += balanceUsdMicros;
    sum.accounts++;
  }

  /** Platform accounts, then users, then what isn't known, if there is such a thing. */
  lines(): TrialBalanceLine[] {
    return [...this.sums].map(([accountId, sum]) => ({ accountId, ...sum }));
  }
}

/** Checks that all lines sum to zero. */
export function* checkTotal(lines: readonly TrialBalanceLine[]): Generator<Finding> {
  const total = lines.reduce((sum, line) => sum + line.balanceUsdMicros, 0n);
  if (total !== 0n) yield finding("all-accounts-sum-to-zero", "trial balance", `all accounts sum to ${total}`);
}
