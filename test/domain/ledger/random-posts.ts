import fc from "fast-check";
import { storedAccountIds } from "../../../src/domain/accounts.js";
import { TollgateError } from "../../../src/domain/errors.js";
import { Books } from "../../../src/domain/ledger/books.js";
import type { Draft, Line } from "../../../src/domain/ledger/draft.js";
import { MoreGrantsNeeded } from "../../../src/domain/ledger/grant-book.js";
import type { Account, CreditCategory, EntryRow, Grant, TransactionRow } from "../../../src/domain/ledger/rows.js";

const PLATFORM = ["sys:deposits", "sys:revenue"];
const ACCOUNTS = ["ann", "ben", "cyd", ...PLATFORM];

/** One account pays some others; `stripe` is set where a new batch begins. */
export interface RandomPost {
  readonly lines: readonly Line[];
  readonly stripe: number | undefined;
}

/** Mostly small, sometimes a whole balance, so that refusals for both reasons come up. */
const amounts = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt({ min: 1n, max: 100n }) },
  { weight: 1, arbitrary: fc.constant(9_007_199_254_740_991n) },
);

const grants = fc.record({
  category: fc.constantFrom<CreditCategory>("PAID", "PROMOTIONAL"),
  priority: fc.constantFrom(0, 50, 100),
  expireTime: fc.constantFrom(null, 1_000_000n, 2_000_000n),
});

const posts: fc.Arbitrary<RandomPost> = fc
  .record({
    accounts: fc.shuffledSubarray(ACCOUNTS, { minLength: 2, maxLength: 4 }),
    amounts: fc.tuple(amounts, amounts, amounts),
    grant: fc.option(grants, { nil: undefined }),
    stripe: fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined, freq: 3 }),
  })
  .map(({ accounts: [payer, ...receivers], amounts: received, grant, stripe }) => {
    const credits = receivers.map((accountId, index) => ({
      accountId,
      amountUsdMicros: received[index] as bigint,
      ...(grant && { grants: { kind: "opens", grant } as const }),
    }));
    const total = credits.reduce((sum, line) => sum + line.amountUsdMicros, 0n);
    return { lines: [{ accountId: payer as string, amountUsdMicros: -total }, ...credits], stripe };
  });

export const randomPosts = fc.array(posts, { minLength: 1, maxLength: 40, size: "max" });

/** A ledger in memory: loads each batch's books as copies and keeps nothing but what they report as changes. */
export class LedgerInMemory {
  readonly accounts = new Map<string, Account>();
  readonly grants = new Map<string, Grant>();
  readonly transactions = new Map<string, TransactionRow>();
  readonly entries: EntryRow[] = [];
  /** What plain addition makes of the posts that were taken. */
  readonly expectedBalances = new Map<string, bigint>();
  /** Of the batch under way. */
  books: Books;
  private loadedAccounts: Account[] = [];
  private loadedGrants: Grant[] = [];
  private time = 1_000n;
  private drafts = 0;

  constructor() {
    this.books = this.load(0);
  }

  /** Runs all the posts, leaving out those that are refused. */
  static after(randomPosts: readonly RandomPost[]): LedgerInMemory {
    const ledger = new LedgerInMemory();
    for (const post of randomPosts) {
      ledger.beginBatchFor(post);
      ledger.tryPost(post);
    }
    ledger.save();
    return ledger;
  }

  beginBatchFor(post: RandomPost): void {
    if (post.stripe === undefined) return;
    this.save();
    this.books = this.load(post.stripe);
  }

  /** @returns why it was refused, if it was */
  tryPost(post: RandomPost): "AMOUNT_OUT_OF_RANGE" | "MoreGrantsNeeded" | undefined {
    const draft: Draft = {
      transactionId: `transaction-${this.drafts++}`,
      type: "DEBIT",
      caller: "tests",
      lines: post.lines,
    };
    try {
      this.books.post(draft);
    } catch (error) {
      if (error instanceof MoreGrantsNeeded) return "MoreGrantsNeeded";
      if (error instanceof TollgateError && error.reason === "AMOUNT_OUT_OF_RANGE") return error.reason;
      throw error;
    }
    for (const { accountId, amountUsdMicros } of post.lines) {
      this.expectedBalances.set(accountId, (this.expectedBalances.get(accountId) ?? 0n) + amountUsdMicros);
    }
    return undefined;
  }

  /** A copy of all that the batch under way holds. */
  snapshot(): unknown {
    const accounts = ACCOUNTS.map((accountId) => this.books.find(accountId));
    return structuredClone([accounts, this.loadedAccounts, this.loadedGrants, this.books.changes()]);
  }

  save(): void {
    const changes = this.books.changes();
    for (const account of changes.changedAccounts) update(this.accounts, account.accountId, account);
    for (const account of changes.openedAccounts) insert(this.accounts, account.accountId, account);
    for (const grant of changes.changedGrants) update(this.grants, grant.grantId, grant);
    for (const grant of changes.openedGrants) insert(this.grants, grant.grantId, grant);
    for (const row of changes.transactions) insert(this.transactions, row.transactionId, row);
    this.entries.push(...changes.entries);
  }

  private load(stripe: number): Books {
    this.time += 1n;
    this.loadedAccounts = structuredClone([...this.accounts.values()]);
    this.loadedGrants = structuredClone([...this.grants.values()]);
    const asked = new Set(ACCOUNTS.flatMap(storedAccountIds));
    return new Books(this.time, stripe, {
      asked,
      accounts: this.loadedAccounts,
      openGrants: this.loadedGrants,
      openGrantsPerAccount: Number.POSITIVE_INFINITY,
      namedGrants: [],
      holds: [],
    });
  }
}

function insert<T>(table: Map<string, T>, id: string, row: T): void {
  if (table.has(id)) throw new Error(`${id} was opened twice`);
  table.set(id, row);
}

function update<T>(table: Map<string, T>, id: string, row: T): void {
  if (!table.has(id)) throw new Error(`${id} was changed before it was opened`);
  table.set(id, row);
}
