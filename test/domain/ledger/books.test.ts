import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlatformAccount, publicAccountId } from "../../../src/domain/accounts.js";
import {
  Books,
  type Draft,
  type Line,
  MoreGrantsNeeded,
  NotInBatch,
  storedIdInBatch,
} from "../../../src/domain/ledger/books.js";
import { CHAIN_START, digestOfDetails, entryHash } from "../../../src/domain/ledger/chain.js";
import type { Account, EntryRow, Grant } from "../../../src/domain/ledger/rows.js";
import { sampleGrant } from "../samples.js";
import { LedgerInMemory, randomPosts } from "./random-posts.js";

const LIMIT = 9_007_199_254_740_991n;
const ASKED = new Set(["user", "creator", "sys:deposits#03", "sys:revenue#03"]);

function draftOf(transactionId: string, ...lines: Line[]): Draft {
  return { transactionId, type: "DEBIT", caller: "tests", lines };
}

const credit = (id: string, amountUsdMicros: bigint, grant?: Line["grant"]) =>
  draftOf(
    id,
    { accountId: "user", amountUsdMicros, ...(grant && { grant }) },
    { accountId: "sys:deposits", amountUsdMicros: -amountUsdMicros },
  );

const debit = (id: string, amountUsdMicros: bigint) =>
  draftOf(id, { accountId: "user", amountUsdMicros: -amountUsdMicros }, { accountId: "sys:revenue", amountUsdMicros });

function accountOf(changes: Partial<Account> = {}): Account {
  return {
    accountId: "user",
    balanceUsdMicros: 100n,
    heldUsdMicros: 0n,
    promotionalUsdMicros: 0n,
    version: 4n,
    chainHead: new Uint8Array(32).fill(4),
    createTime: 1_000n,
    updateTime: 1_000n,
    ...changes,
  };
}

const booksOf = (accounts: Account[] = [], grants: Grant[] = []) => new Books(5_000n, 3, ASKED, accounts, grants);

describe("posting", () => {
  it("opens accounts with their first entry, platform ones under the batch's stripe", () => {
    const books = booksOf();
    const { transaction, entries } = books.post(credit("t-1", 100n));
    expect(transaction).toMatchObject({ transactionId: "t-1", toolId: "", metadata: {}, createTime: 5_000n });
    expect(entries).toMatchObject([
      { position: 0, accountId: "user", accountVersion: 1n, amountUsdMicros: 100n, balanceAfterUsdMicros: 100n },
      { position: 1, accountId: "sys:deposits#03", amountUsdMicros: -100n, balanceAfterUsdMicros: -100n },
    ]);
    expect(entries[1]?.grantMovements).toEqual([]);
    expect(books.find("user")).toMatchObject({ balanceUsdMicros: 100n, version: 1n, createTime: 5_000n });
    expect(books.changes()).toMatchObject({ openedAccounts: [{}, {}], changedAccounts: [], openedGrants: [{}] });
  });

  it("goes on where a loaded account left off", () => {
    const books = booksOf([accountOf()], [sampleGrant()]);
    const { transaction, entries } = books.post(debit("t-1", 30n));
    const { hash, ...unhashed } = entries[0] as EntryRow;
    expect(unhashed).toMatchObject({ accountVersion: 5n, balanceAfterUsdMicros: 70n });
    expect(hash).toEqual(entryHash(new Uint8Array(32).fill(4), transaction, unhashed));
    expect(books.find("user")).toMatchObject({ createTime: 1_000n, updateTime: 5_000n, chainHead: hash });
    expect(books.changes()).toMatchObject({
      changedAccounts: [{ accountId: "user" }],
      changedGrants: [{ grantId: "grant-1", issuedUsdMicros: 100n, remainingUsdMicros: 70n }],
      openedGrants: [],
    });
  });

  it("keeps the digest of a transaction's description and metadata", () => {
    const draft = { ...credit("t-1", 1n), description: "top-up", metadata: { team: "red" } };
    expect(booksOf().post(draft).transaction.detailsDigest).toEqual(digestOfDetails("top-up", { team: "red" }));
  });

  it("refuses lines that don't sum to zero", () => {
    const books = booksOf();
    expect(() => books.post(draftOf("t-1", { accountId: "user", amountUsdMicros: 1n }))).toThrow("sum to zero");
    expect(books.changes()).toMatchObject({ transactions: [], entries: [], openedAccounts: [] });
  });

  it("takes a balance to 2^53 − 1 and not a micro further", () => {
    const books = booksOf();
    books.post(credit("t-1", LIMIT));
    expect(books.available("user")).toBe(LIMIT);
    expect(() =>
      books.post(
        draftOf("t-2", { accountId: "user", amountUsdMicros: 1n }, { accountId: "sys:revenue", amountUsdMicros: -1n }),
      ),
    ).toThrow(
      expect.objectContaining({
        reason: "AMOUNT_OUT_OF_RANGE",
        metadata: { amount_usd_micros: "9007199254740992", limit_usd_micros: "9007199254740991" },
      }),
    );
    expect(books.available("user")).toBe(LIMIT);
  });

  it("refuses an account that its batch didn't load, whichever line names it", () => {
    const books = booksOf();
    const stranger = { accountId: "stranger", amountUsdMicros: 1n };
    expect(() => books.post(draftOf("t-1", { accountId: "sys:deposits", amountUsdMicros: -1n }, stranger))).toThrow(
      NotInBatch,
    );
    expect(books.find("sys:deposits")).toBeUndefined();
    expect(() => books.available("stranger")).toThrow(NotInBatch);
  });
});

describe("what is available", () => {
  it("is the balance without what is held, and 0 of an unknown account", () => {
    const books = booksOf([accountOf({ heldUsdMicros: 40n })]);
    expect(books.available("user")).toBe(60n);
    expect(books.available("creator")).toBe(0n);
  });
});

describe("grants", () => {
  const gift = { category: "PROMOTIONAL", priority: 50 } as const;
  const paid = { category: "PAID", priority: 50 } as const;

  it("of a credit are opened apart, named by the transaction", () => {
    const books = booksOf();
    books.post(credit("t-1", 30n, gift));
    books.post(credit("t-2", 70n, paid));
    expect(books.grantOpenedBy("t-1", "user")).toMatchObject({ ...gift, isRolling: false, remainingUsdMicros: 30n });
    expect(books.grantOpenedBy("t-2", "user")).toMatchObject({ ...paid, isRolling: false, remainingUsdMicros: 70n });
    expect(books.grantOpenedBy("t-2", "creator")).toBeUndefined();
    expect(books.find("user")?.promotionalUsdMicros).toBe(30n);
  });

  it("are burned in order, within the batch that opened them too", () => {
    const books = booksOf();
    books.post(credit("t-1", 70n, paid));
    books.post(credit("t-2", 30n, gift));
    const { entries } = books.post(debit("t-3", 50n));
    expect(entries[0]?.grantMovements).toEqual([
      [books.grantOpenedBy("t-2", "user")?.grantId, -30n],
      [books.grantOpenedBy("t-1", "user")?.grantId, -20n],
    ]);
    expect(books.find("user")?.promotionalUsdMicros).toBe(0n);
  });

  it("are burned in order, however they were loaded", () => {
    const sooner = sampleGrant({ grantId: "grant-2", priority: 10 });
    const books = booksOf([accountOf({ balanceUsdMicros: 200n })], [sampleGrant(), sooner]);
    expect(books.post(debit("t-1", 30n)).entries[0]?.grantMovements).toEqual([["grant-2", -30n]]);
  });

  it("of rewards are one rolling grant, which grows again after it was spent", () => {
    const books = booksOf();
    books.post(credit("t-1", 30n));
    books.post(debit("t-2", 30n));
    books.post(credit("t-3", 5n));
    expect(books.changes().openedGrants).toMatchObject([
      {
        transactionId: "t-1",
        isRolling: true,
        category: "PAID",
        priority: 50,
        issuedUsdMicros: 35n,
        remainingUsdMicros: 5n,
      },
    ]);
    expect(books.changes().changedGrants).toEqual([]);
  });

  it("that weren't loaded are asked for before anything changes, and then used", () => {
    const account = accountOf({ balanceUsdMicros: 200n });
    const second = sampleGrant({ grantId: "grant-2", createTime: 2_000n });
    const books = booksOf([account], [sampleGrant()]);
    expect(() => books.post(debit("t-1", 150n))).toThrow(MoreGrantsNeeded);
    expect(account).toEqual(accountOf({ balanceUsdMicros: 200n }));
    expect(books.changes()).toMatchObject({ transactions: [], changedAccounts: [], changedGrants: [] });
    books.addGrants([second]);
    expect(books.post(debit("t-1", 150n)).entries[0]?.grantMovements).toEqual([
      ["grant-1", -100n],
      ["grant-2", -50n],
    ]);
  });

  it("that are loaded again keep what posting did to them", () => {
    const books = booksOf([accountOf()], [sampleGrant()]);
    books.post(debit("t-1", 100n));
    books.addGrants([sampleGrant()]);
    expect(() => books.post(debit("t-2", 1n))).toThrow(MoreGrantsNeeded);
  });
});

it("storedIdInBatch names the batch's stripe of a platform account and any other as it is", () => {
  expect(storedIdInBatch("sys:revenue", 3)).toBe("sys:revenue#03");
  expect(storedIdInBatch("user", 3)).toBe("user");
});

describe("after any sequence of posts in any batches", () => {
  /** Checks what holds once all the posts were taken or refused. */
  function always(check: (ledger: LedgerInMemory) => void): void {
    fc.assert(fc.property(randomPosts, (posts) => check(LedgerInMemory.after(posts))));
  }

  const sum = (amounts: Iterable<bigint>) => [...amounts].reduce((total, amount) => total + amount, 0n);
  const entriesOf = (ledger: LedgerInMemory, account: Account) =>
    ledger.entries.filter((entry) => entry.accountId === account.accountId);
  const grantsOf = (ledger: LedgerInMemory, account: Account) =>
    [...ledger.grants.values()].filter((grant) => grant.accountId === account.accountId);

  it("balances are what plain addition makes of them, and all accounts sum to zero", () => {
    always((ledger) => {
      const balances = new Map<string, bigint>();
      for (const { accountId, balanceUsdMicros } of ledger.accounts.values()) {
        const name = publicAccountId(accountId);
        balances.set(name, (balances.get(name) ?? 0n) + balanceUsdMicros);
      }
      expect(balances).toEqual(ledger.expectedBalances);
      expect(sum(balances.values())).toBe(0n);
    });
  });

  it("each balance is the sum of its entries, and each transaction's entries sum to zero", () => {
    always((ledger) => {
      for (const account of ledger.accounts.values()) {
        expect(sum(entriesOf(ledger, account).map((entry) => entry.amountUsdMicros))).toBe(account.balanceUsdMicros);
      }
      for (const transactionId of ledger.transactions.keys()) {
        const entries = ledger.entries.filter((entry) => entry.transactionId === transactionId);
        expect(entries.map((entry) => entry.position)).toEqual(entries.map((_, index) => index));
        expect(sum(entries.map((entry) => entry.amountUsdMicros))).toBe(0n);
      }
    });
  });

  it("versions run without a gap, balances chain and every hash can be recomputed", () => {
    always((ledger) => {
      for (const account of ledger.accounts.values()) {
        let balance = 0n;
        let version = 0n;
        let head = CHAIN_START;
        for (const { hash, ...entry } of entriesOf(ledger, account)) {
          const transaction = ledger.transactions.get(entry.transactionId);
          if (!transaction) throw new Error(`there is no transaction ${entry.transactionId}`);
          balance += entry.amountUsdMicros;
          version += 1n;
          head = entryHash(head, transaction, entry);
          expect([entry.balanceAfterUsdMicros, entry.accountVersion, hash]).toEqual([balance, version, head]);
        }
        expect([account.balanceUsdMicros, account.version, account.chainHead]).toEqual([balance, version, head]);
      }
    });
  });

  it("grants sum to the balance of every account but the platform's, which have none", () => {
    always((ledger) => {
      for (const account of ledger.accounts.values()) {
        const grants = grantsOf(ledger, account);
        const promotional = grants.filter((grant) => grant.category === "PROMOTIONAL");
        const isPlatform = isPlatformAccount(account.accountId);
        const remaining = sum(grants.map((grant) => grant.remainingUsdMicros));
        if (isPlatform) expect(grants).toEqual([]);
        else expect(remaining).toBe(account.balanceUsdMicros);
        expect(sum(promotional.map((grant) => grant.remainingUsdMicros))).toBe(account.promotionalUsdMicros);
        expect(grants.filter((grant) => grant.isRolling).length).toBeLessThanOrEqual(1);
      }
    });
  });

  it("each grant holds what its movements issued and burned, never less than nothing", () => {
    always((ledger) => {
      const movements = ledger.entries.flatMap((entry) => entry.grantMovements);
      for (const grant of ledger.grants.values()) {
        const moved = movements.filter(([grantId]) => grantId === grant.grantId).map(([, amount]) => amount);
        expect(sum(moved)).toBe(grant.remainingUsdMicros);
        expect(sum(moved.filter((amount) => amount > 0n))).toBe(grant.issuedUsdMicros);
        expect(grant.remainingUsdMicros).toBeGreaterThanOrEqual(0n);
      }
      for (const entry of ledger.entries) {
        const moved = sum(entry.grantMovements.map(([, amount]) => amount));
        expect(moved).toBe(isPlatformAccount(entry.accountId) ? 0n : entry.amountUsdMicros);
      }
    });
  });

  it("a refused post changed nothing, and exactly the posts that can't be taken are refused", () => {
    fc.assert(
      fc.property(randomPosts, (posts) => {
        const ledger = new LedgerInMemory();
        for (const post of posts) {
          ledger.beginBatchFor(post);
          const before = ledger.snapshot();
          const after = post.lines.map(({ accountId, amountUsdMicros }) => ({
            balance: (ledger.books.find(accountId)?.balanceUsdMicros ?? 0n) + amountUsdMicros,
            isPlatform: isPlatformAccount(accountId),
          }));
          const isOutOfRange = after.some(({ balance }) => balance > LIMIT || balance < -LIMIT);
          const isUncovered = after.some(({ balance, isPlatform }) => balance < 0n && !isPlatform);

          const refusal = ledger.tryPost(post);
          const expected = isOutOfRange ? "AMOUNT_OUT_OF_RANGE" : isUncovered ? "MoreGrantsNeeded" : undefined;
          expect(refusal).toBe(expected);
          if (refusal) expect(ledger.snapshot()).toEqual(before);
        }
      }),
    );
  });
});
