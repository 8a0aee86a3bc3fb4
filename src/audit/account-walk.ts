import { CHAIN_START } from "../domain/ledger/chain.js";
import type { Account, ChainedTransaction, EntryRow } from "../domain/ledger/rows.js";
import type { AuditedGrant, AuditView, ChainLink, EntryKey, HoldToCheck } from "../storage/audit-store.js";
import { EntryChain } from "./account-checks.js";
import { GrantTally } from "./grant-checks.js";
import { AccountEnds, HoldTally, strayHold } from "./hold-checks.js";
import { compareAsStored, RowsInOrder, type Walker } from "./slices.js";
import type { TrialBalance } from "./trial-balance.js";
import { type Finding, finding, type ViolationCollector } from "./violations.js";
import { WholeEntries } from "./whole-entries.js";

const BEFORE_ENTRIES = { accountId: "", accountVersion: 0n, hash: CHAIN_START };
const BEFORE_GRANTS = { accountId: "", grantId: "" };
const BEFORE_HOLDS = { accountId: "", holdId: "" };

/**
 * Walks accounts, entries, grants and holds side by side, all by account_id: a few queries a slice, however many accounts share it.
 * Whatever lies between two accounts belongs to none.
 */
export class AccountWalk {
  private readonly entries: RowsInOrder<ChainLink>;
  private readonly whole: WholeEntries;
  /** The entry that was looked at last. */
  private before: EntryKey = BEFORE_ENTRIES;
  private readonly grants: RowsInOrder<AuditedGrant>;
  private readonly holds: RowsInOrder<HoldToCheck>;

  constructor(
    private readonly view: AuditView,
    private readonly walker: Walker,
    private readonly violations: ViolationCollector,
    private readonly trialBalance: TrialBalance,
  ) {
    const { limit } = walker;
    const links = limit * view.linksForARow;
    this.entries = new RowsInOrder(
      walker.slices("entries", (last) => view.chainLinksAfter(last ?? BEFORE_ENTRIES, links), links),
    );
    this.whole = new WholeEntries(view, limit);
    this.grants = new RowsInOrder(walker.slices("grants", (last) => view.allGrantsAfter(last ?? BEFORE_GRANTS, limit)));
    this.holds = new RowsInOrder(walker.slices("holds", (last) => view.allHoldsAfter(last ?? BEFORE_HOLDS, limit)));
  }

  async run(): Promise<void> {
    const slices = this.walker.slices<Account>("accounts", (last) =>
      this.view.accountsAfter(last?.accountId ?? "", this.walker.limit),
    );
    for await (const slice of slices) {
      for (const account of slice) {
        await this.skipStrays((accountId) => compareAsStored(accountId, account.accountId) < 0);
        this.violations.add(this.trialBalance.add(account));
        await this.checkAccount(account);
      }
    }
    await this.skipStrays(() => true);
  }

  private async checkAccount(account: Account): Promise<void> {
    const { accountId } = account;
    const chain = new EntryChain(accountId);
    const tally = new GrantTally(accountId);
    const holds = new HoldTally(accountId);
    const ends = new AccountEnds();
    for await (const links of this.entries.takeWhile((link) => link.accountId === accountId)) {
      for (const link of links) {
        if (link.isSeen) {
          this.violations.add(chain.take(link));
          this.violations.add(tally.follow(link, link));
        } else {
          const [entry, transaction] = await this.whole.of(link, this.before);
          this.violations.add(chain.follow(entry, transaction));
          this.violations.add(tally.follow(entry, transaction));
        }
        this.before = link;
      }
    }
    for await (const grants of this.runsOf(this.grants, accountId)) {
      for (const grant of grants) {
        this.violations.add(tally.compare(grant));
        ends.addGrant(grant);
      }
    }
    for await (const slice of this.runsOf(this.holds, accountId)) {
      for (const hold of slice) {
        this.violations.add(holds.compare(hold));
        ends.addHold(hold);
      }
    }
    this.violations.add(chain.close(account));
    this.violations.add(tally.close(account));
    this.violations.add(holds.close(account));
    this.violations.add(ends.close(account));
  }

  /** The rows of an account, in runs; nothing is begun for an account that has none. */
  private runsOf<Row extends { readonly accountId: string }>(rows: RowsInOrder<Row>, accountId: string) {
    const isOfAccount = (row: Row): boolean => row.accountId === accountId;
    return rows.mayHave(isOfAccount) ? rows.takeWhile(isOfAccount) : [];
  }

  private async skipStrays(isStray: (accountId: string) => boolean): Promise<void> {
    const mayBeStray = (row: { readonly accountId: string }): boolean => isStray(row.accountId);
    const hasNone = !(
      this.entries.mayHave(mayBeStray) ||
      this.grants.mayHave(mayBeStray) ||
      this.holds.mayHave(mayBeStray)
    );
    if (hasNone) return;
    for await (const links of this.entries.takeWhile(mayBeStray)) {
      for (const link of links) {
        this.violations.add(strayEntry(...(await this.whole.of(link, this.before))));
        this.before = link;
      }
    }
    for await (const grants of this.grants.takeWhile((grant) => isStray(grant.accountId))) {
      for (const grant of grants) this.violations.add(strayGrant(grant));
    }
    for await (const holds of this.holds.takeWhile((hold) => isStray(hold.accountId))) {
      for (const hold of holds) this.violations.add(strayHold(hold));
    }
  }
}

/** What is wrong with an entry of an account that doesn't exist. */
export function* strayEntry(entry: EntryRow, transaction: ChainedTransaction | null): Generator<Finding> {
  const row = `account ${entry.accountId} entry ${entry.accountVersion}`;
  yield finding("entry-has-account", row, "its account doesn't exist");
  if (!transaction) {
    yield finding("entry-has-transaction", row, `names transaction ${entry.transactionId}, which doesn't exist`);
  }
}

/** What is wrong with a grant of an account that doesn't exist. */
export function* strayGrant(grant: AuditedGrant): Generator<Finding> {
  yield finding("grant-has-account", `account ${grant.accountId} grant ${grant.grantId}`, "its account doesn't exist");
}
