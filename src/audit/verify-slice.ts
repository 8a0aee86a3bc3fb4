import type { AuditStore, AuditView } from "../storage/audit-store.js";
import type { ChainPosition } from "./account-checks.js";
import type { Invariant } from "./invariants.js";
import { viewOfAccount } from "./one-account.js";
import { type AccountsPosition, AccountsSlice } from "./verify-accounts.js";
import { VERIFIED_TABLES } from "./verify-tables.js";
import type { Finding, Findings } from "./violations.js";

/** How far a walk in slices has come, as texts that a page token can hold. */
export type SlicePosition = readonly string[];

export interface SliceRequest {
  /** As callers know it; "": all accounts, and what belongs to none. */
  readonly accountId: string;
  /** Undefined: from the beginning. */
  readonly position: SlicePosition | undefined;
  /** Entries to look at, at least 1; behind the last entry, rows of the other tables. */
  readonly limit: number;
}

/** What one slice of a walk looked at and what it found. */
export interface VerifiedSlice {
  /** Accounts whose last entry was reached; each stripe of a platform account is one. */
  readonly checkedAccounts: number;
  readonly checkedEntries: number;
  /** In the order found, at most 100 of a kind. */
  readonly violations: readonly Finding[];
  /** Undefined at the end. */
  readonly next: SlicePosition | undefined;
}

const ACCOUNTS = "accounts";
/** More of one kind say nothing new, and an answer has to have a size. */
const MOST_OF_A_KIND = 100;

/**
 * Checks a slice of the books, as it is at this moment. Entries don't change, so slices that follow each other check everything that was there when the walk began, although each
 * sees a moment of its own. What takes all entries of an account at once to see (where each grant's money came from), and the sums that earnings are read from, only the audit checks.
 * @throws StoreError as auditLedger does
 */
export function verifySlice(store: AuditStore, { accountId, position, limit }: SliceRequest): Promise<VerifiedSlice> {
  return store.snapshot(async (view) => {
    const findings = new BoundedFindings();
    const report = (found: Findings): void => findings.add(found);
    const [walk = ACCOUNTS, ...key] = position ?? [];
    if (walk !== ACCOUNTS) {
      const next = await verifyTables(view, walk, key, limit, report);
      return { checkedAccounts: 0, checkedEntries: 0, violations: findings.list(), next };
    }
    const isOfAll = accountId === "";
    const slice = new AccountsSlice(
      isOfAll ? view : viewOfAccount(view, accountId),
      toAccountsPosition(key),
      limit,
      report,
    );
    const nextAccounts = await slice.run(isOfAll ? "first entry" : "every entry");
    const nextTables =
      nextAccounts || !isOfAll ? undefined : await verifyTables(view, undefined, [], slice.rowsLeft, report);
    return {
      checkedAccounts: slice.checkedAccounts,
      checkedEntries: slice.checkedEntries,
      violations: findings.list(),
      next: nextAccounts ? fromAccountsPosition(nextAccounts) : nextTables,
    };
  });
}

/** Goes on in a table, or begins with the first one if there is none of that name, for so many rows of all of them together. */
async function verifyTables(
  view: AuditView,
  from: string | undefined,
  key: readonly string[],
  limit: number,
  report: (findings: Findings) => void,
): Promise<SlicePosition | undefined> {
  const start = VERIFIED_TABLES.findIndex((table) => table.name === from);
  let rowsLeft = limit;
  let after = start < 0 ? [] : key;
  for (const table of VERIFIED_TABLES.slice(Math.max(start, 0))) {
    if (rowsLeft === 0) return [table.name];
    const keys = await table.verifyAfter(view, after, rowsLeft, report);
    if (keys.length === rowsLeft) return [table.name, ...(keys.at(-1) ?? [])];
    rowsLeft -= keys.length;
    after = [];
  }
  return undefined;
}

function fromAccountsPosition({ accountId, chain }: AccountsPosition): SlicePosition {
  if (!chain) return [ACCOUNTS, accountId];
  const { version, balanceAfterUsdMicros, sumUsdMicros, hash } = chain;
  const numbers = [version, balanceAfterUsdMicros, sumUsdMicros].map(String);
  return [ACCOUNTS, accountId, ...numbers, Buffer.from(hash).toString("hex")];
}

function toAccountsPosition([accountId, ...after]: SlicePosition): AccountsPosition | undefined {
  if (accountId === undefined) return undefined;
  const [version, balanceAfter, sum, hash] = after;
  if (version === undefined || balanceAfter === undefined || sum === undefined || hash === undefined) {
    return { accountId, chain: undefined };
  }
  const chain: ChainPosition = {
    version: BigInt(version),
    balanceAfterUsdMicros: BigInt(balanceAfter),
    sumUsdMicros: BigInt(sum),
    hash: new Uint8Array(Buffer.from(hash, "hex")),
  };
  return { accountId, chain };
}

class BoundedFindings {
  private readonly found: Finding[] = [];
  private readonly counts = new Map<Invariant, number>();

  add(findings: Findings): void {
    for (const finding of findings) {
      const count = (this.counts.get(finding.invariant) ?? 0) + 1;
      this.counts.set(finding.invariant, count);
      if (count <= MOST_OF_A_KIND) this.found.push(finding);
    }
  }

  list(): readonly Finding[] {
    return this.found;
  }
}
