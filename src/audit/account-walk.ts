import type { Account, EntryRow, TransactionRow } from "../domain/ledger/rows.js";
import type { AuditedGrant, AuditView } from "../storage/store.js";
import { EntryChain } from "./account-checks.js";
import { GrantTally } from "./grant-checks.js";
import { compareAsStored, RowsInOrder, type Walker } from "./slices.js";
import type { TrialBalance } from "./trial-balance.js";
import { finding, type ViolationCollector } from "./violations.js";

const BEFORE_ENTRIES = { accountId: "", accountVersion: 0n };
const BEFORE_GRANTS = { accountId: "", grantId: "" };

type EntryWithTransaction = readonly [EntryRow, TransactionRow | null];

/**
 * Walks accounts, entries and grants side by side, all by account_id: a few queries a slice, however many accounts share it.
 * Whatever lies between two accounts belongs to none.
 */
export class AccountWalk {
  private readonly accounts: RowsInOrder<Account>;
  private readonly entries: RowsInOrder<EntryWithTransaction>;
  private readonly grants: RowsInOrder<AuditedGrant>;

  constructor(
    view: AuditView,
    walker: Walker,
    private readonly violations: ViolationCollector,
    private readonly trialBalance: TrialBalance,
  ) {
    const { limit } = walker;
    this.accounts = new RowsInOrder(
      walker.slices("accounts", (last) => view.accountsAfter(last?.accountId ?? "", limit)),
    );
    this.entries = new RowsInOrder(
      walker.slices("entries", (last) => view.allEntriesAfter(last?.[0] ?? BEFORE_ENTRIES, limit)),
    );
    this.grants = new RowsInOrder(walker.slices("grants", (last) => view.allGrantsAfter(last ?? BEFORE_GRANTS, limit)));
  }

  async run(): Promise<void> {
    for (;;) {
      const account = await this.accounts.takeIf(() => true);
      await this.skipStrays((accountId) => !account || compareAsStored(accountId, account.accountId) < 0);
      if (!account) return;
      this.violations.add(this.trialBalance.add(account));
      await this.checkAccount(account);
    }
  }

  private async checkAccount(account: Account): Promise<void> {
    const { accountId } = account;
    const chain = new EntryChain(accountId);
    const tally = new GrantTally(accountId);
    const isOwnEntry = ([entry]: EntryWithTransaction): boolean => entry.accountId === accountId;
    for (let row = await this.entries.takeIf(isOwnEntry); row; row = await this.entries.takeIf(isOwnEntry)) {
      this.violations.add(chain.follow(...row));
      this.violations.add(tally.follow(row[0]));
    }
    const isOwnGrant = (grant: AuditedGrant): boolean => grant.accountId === accountId;
    for (let grant = await this.grants.takeIf(isOwnGrant); grant; grant = await this.grants.takeIf(isOwnGrant)) {
      this.violations.add(tally.compare(grant));
    }
    this.violations.add(chain.close(account));
    this.violations.add(tally.close(account));
  }

  private async skipStrays(isStray: (accountId: string) => boolean): Promise<void> {
    const isStrayEntry = ([entry]: EntryWithTransaction): boolean => isStray(entry.accountId);
    for (let row = await this.entries.takeIf(isStrayEntry); row; row = await this.entries.takeIf(isStrayEntry)) {
      const [{ accountId, accountVersion, transactionId }, transaction] = row;
      const name = `account ${accountId} entry ${accountVersion}`;
      this.violations.add([finding("entry-has-account", name, "its account doesn't exist")]);
      if (transaction) continue;
      const detail = `names transaction ${transactionId}, which doesn't exist`;
      this.violations.add([finding("entry-has-transaction", name, detail)]);
    }
    const isStrayGrant = (grant: AuditedGrant): boolean => isStray(grant.accountId);
    for (let grant = await this.grants.takeIf(isStrayGrant); grant; grant = await this.grants.takeIf(isStrayGrant)) {
      const name = `account ${grant.accountId} grant ${grant.grantId}`;
      this.violations.add([finding("grant-has-account", name, "its account doesn't exist")]);
    }
  }
}
