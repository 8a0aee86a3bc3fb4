import type { Account, ChainedTransaction, EntryRow } from "../domain/ledger/rows.js";
import type { AuditedGrant, AuditView, HoldToCheck } from "../storage/audit-store.js";
import { type ChainPosition, EntryChain } from "./account-checks.js";
import { strayEntry, strayGrant } from "./account-walk.js";
import { GrantTally } from "./grant-checks.js";
import { GrantSums } from "./grant-sums.js";
import { AccountEnds, HoldTally, strayHold } from "./hold-checks.js";
import { checkSettlement } from "./settlement-checks.js";
import { compareAsStored, RowsInOrder, Walker } from "./slices.js";
import { checkTransaction } from "./transaction-checks.js";
import { TrialBalance } from "./trial-balance.js";
import type { Findings } from "./violations.js";

/** How far a walk through all accounts has come. */
export interface AccountsPosition {
  readonly accountId: string;
  /** Of an account that has entries left, after the last one walked; undefined if the account is done. */
  readonly chain: ChainPosition | undefined;
}

const HIGHEST_VERSION = 2n ** 63n - 1n;
const HIGHEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";
/** Grants are read in steps of this many, until the accounts that end in the slice have none left. */
const GRANTS_AT_ONCE = 200;

/**
 * Walks entries in order of account and version for so many rows, and with the last entry of an account checks the account itself. An account without
 * entries counts as a row, so a slice has an end whatever the store is like.
 */
export class AccountsSlice {
  checkedAccounts = 0;
  checkedEntries = 0;
  private readonly accounts: RowsInOrder<Account>;
  private readonly entries: RowsInOrder<readonly [EntryRow, ChainedTransaction | null]>;
  private readonly grants: RowsInOrder<AuditedGrant>;
  private readonly holds: RowsInOrder<HoldToCheck>;
  private readonly trialBalance = new TrialBalance();
  /** "transaction account" of each entry walked. */
  private readonly walked = new Map<string, string>();

  /** @param report takes what is found */
  constructor(
    private readonly view: AuditView,
    private position: AccountsPosition | undefined,
    public rowsLeft: number,
    private readonly report: (findings: Findings) => void,
  ) {
    const { accountId = "", chain } = position ?? {};
    const oneMore = rowsLeft + 1;
    const rows = new Walker(oneMore, () => {});
    this.accounts = new RowsInOrder(
      rows.slices("accounts", (last?: Account) =>
        last || !chain
          ? view.accountsAfter(last?.accountId ?? accountId, oneMore)
          : view.accountsFrom(accountId, oneMore),
      ),
    );
    const accountVersion = accountId === "" ? 0n : (chain?.version ?? HIGHEST_VERSION);
    this.entries = new RowsInOrder(
      rows.slices("entries", (last?: readonly [EntryRow, ChainedTransaction | null]) =>
        view.allEntriesAfter(last?.[0] ?? { accountId, accountVersion }, oneMore),
      ),
    );
    const ownId = accountId === "" || chain ? "" : HIGHEST_ID;
    this.grants = new RowsInOrder(
      new Walker(GRANTS_AT_ONCE, () => {}).slices("grants", (last?: AuditedGrant) =>
        view.allGrantsAfter(last ?? { accountId, grantId: ownId }, GRANTS_AT_ONCE),
      ),
    );
    this.holds = new RowsInOrder(
      new Walker(GRANTS_AT_ONCE, () => {}).slices("holds", (last?: HoldToCheck) =>
        view.allHoldsAfter(last ?? { accountId, holdId: ownId }, GRANTS_AT_ONCE),
      ),
    );
  }

  /**
   * @param whose transactions are checked with their first entry, so that a walk through all accounts checks each once, or with every one, for a walk through one account
   * @returns where the next slice goes on; undefined at the end
   */
  async run(whose: "first entry" | "every entry"): Promise<AccountsPosition | undefined> {
    let next: AccountsPosition | undefined;
    for (;;) {
      const accountId = await this.nextAccountId();
      if (accountId === undefined) break;
      next = this.rowsLeft === 0 ? this.position : await this.walkAccount(accountId);
      if (next) break;
    }
    await this.checkTransactions(whose);
    return next;
  }

  /** The lowest that any row has which is left. */
  private async nextAccountId(): Promise<string | undefined> {
    const heads = [
      await this.accounts.peek(),
      (await this.entries.peek())?.[0],
      await this.grants.peek(),
      await this.holds.peek(),
    ];
    const ids = heads.flatMap((row) => (row ? [row.accountId] : []));
    return ids.sort(compareAsStored)[0];
  }

  /** @returns a position inside the account if the slice ends there */
  private async walkAccount(accountId: string): Promise<AccountsPosition | undefined> {
    const head = await this.accounts.peek();
    const account = head?.accountId === accountId ? head : undefined;
    const before = this.checkedEntries;
    const chain = new EntryChain(accountId, this.position?.accountId === accountId ? this.position.chain : undefined);
    const movements = new GrantTally(accountId);
    for (let next = await this.entries.peek(); next?.[0].accountId === accountId; next = await this.entries.peek()) {
      if (this.rowsLeft === 0) return { accountId, chain: chain.position() };
      const [entry, transaction] = next;
      const found = [...chain.follow(entry, transaction), ...movements.follow(entry, transaction)];
      this.report(account ? found : strayEntry(entry, transaction));
      if (transaction) this.walked.set(`${entry.transactionId} ${accountId}`, entry.transactionId);
      this.checkedEntries++;
      this.rowsLeft--;
      this.entries.skip();
    }
    await this.closeAccount(accountId, account, chain);
    if (this.checkedEntries === before) this.rowsLeft = Math.max(0, this.rowsLeft - 1);
    this.position = { accountId, chain: undefined };
    return undefined;
  }

  private async closeAccount(accountId: string, account: Account | undefined, chain: EntryChain): Promise<void> {
    const sums = new GrantSums();
    const ends = new AccountEnds();
    let stray: AuditedGrant | undefined;
    for await (const grants of this.grants.takeWhile((grant) => grant.accountId === accountId)) {
      for (const grant of grants) {
        sums.add(grant);
        ends.addGrant(grant);
      }
      stray ??= grants[0];
    }
    const holds = await this.walkHolds(accountId, account !== undefined, ends);
    if (!account) return this.report(stray ? strayGrant(stray) : []);
    this.report(this.trialBalance.add(account));
    this.report(chain.close(account));
    this.report(sums.close(account));
    this.report(holds.close(account));
    this.report(ends.close(account));
    this.checkedAccounts++;
    this.accounts.skip();
  }

  private async walkHolds(accountId: string, hasAccount: boolean, ends: AccountEnds): Promise<HoldTally> {
    const tally = new HoldTally(accountId);
    for await (const holds of this.holds.takeWhile((hold) => hold.accountId === accountId)) {
      for (const hold of holds) {
        this.report(hasAccount ? tally.compare(hold) : strayHold(hold));
        ends.addHold(hold);
      }
    }
    return tally;
  }

  private async checkTransactions(whose: "first entry" | "every entry"): Promise<void> {
    const ids = new Set(this.walked.values());
    for (const transaction of await this.view.transactionsToCheck([...ids])) {
      const { transactionId } = transaction.transaction;
      const first = transaction.postings[0]?.accountId;
      if (whose === "first entry" && !this.walked.has(`${transactionId} ${first}`)) continue;
      this.report(checkTransaction(transaction));
      this.report(checkSettlement(transaction));
    }
  }
}
