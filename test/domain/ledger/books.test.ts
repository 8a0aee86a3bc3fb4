import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlatformAccount, publicAccountId } from "../../../src/domain/accounts.js";
import { derivedUuid } from "../../../src/domain/ids.js";
import { Books, NotInBatch, storedIdInBatch } from "../../../src/domain/ledger/books.js";
import { CHAIN_START, digestOfDetails, entryHash } from "../../../src/domain/ledger/chain.js";
import type { Draft, Line } from "../../../src/domain/ledger/draft.js";
import { MoreGrantsNeeded, type NewGrant } from "../../../src/domain/ledger/grant-book.js";
import type { Account, EntryRow, Grant, Hold } from "../../../src/domain/ledger/rows.js";
import { sampleGrant } from "../samples.js";
import { LedgerInMemory, randomPosts } from "./random-posts.js";

const LIMIT = 9_007_199_254_740_991n;
const ASKED = new Set(["user", "creator", "sys:deposits#03", "sys:revenue#03", "sys:breakage#03"]);

const gift = { category: "PROMOTIONAL", priority: 50, expireTime: null } as const;
const paid = { category: "PAID", priority: 50, expireTime: null } as const;

function draftOf(transactionId: string, ...lines: Line[]): Draft {
  return { transactionId, type: "DEBIT", caller: "tests", lines };
}

const credit = (id: string, amountUsdMicros: bigint, grant?: NewGrant) =>
  draftOf(
    id,
    { accountId: "user", amountUsdMicros, ...(grant && { grants: { kind: "opens", grant } as const }) },
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
    nextExpiryTime: null,
    createTime: 1_000n,
    updateTime: 1_000n,
    ...changes,
  };
}

/** At 5,000, posting to stripe 3. */
function booksOf(accounts: Account[] = [], openGrants: Grant[] = [], holds: Hold[] = [], limit = 32): Books {
  const none = { openGrantsPerAccount: limit, namedGrants: [] };
  return new Books(5_000n, 3, { asked: ASKED, accounts, openGrants, holds, ...none });
}

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
  it("of a credit are opened apart, named by the transaction", () => {
    const books = booksOf();
    books.post(credit("t-1", 30n, gift));
    books.post(credit("t-2", 70n, paid));
    expect(books.grants.openedBy("t-1", "user")).toMatchObject({ ...gift, isRolling: false, remainingUsdMicros: 30n });
    expect(books.grants.openedBy("t-2", "user")).toMatchObject({ ...paid, isRolling: false, remainingUsdMicros: 70n });
    expect(books.grants.openedBy("t-2", "creator")).toBeUndefined();
    expect(books.find("user")?.promotionalUsdMicros).toBe(30n);
  });

  it("are burned in order, within the batch that opened them too", () => {
    const books = booksOf();
    books.post(credit("t-1", 70n, paid));
    books.post(credit("t-2", 30n, gift));
    const { entries } = books.post(debit("t-3", 50n));
    expect(entries[0]?.grantMovements).toEqual([
      [books.grants.openedBy("t-2", "user")?.grantId, -30n],
      [books.grants.openedBy("t-1", "user")?.grantId, -20n],
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
    const second = sampleGrant({ grantId: "grant-2", accountVersion: 2n });
    const books = booksOf([account], [sampleGrant()], [], 1);
    expect(() => books.post(debit("t-1", 150n))).toThrow(MoreGrantsNeeded);
    expect(account).toEqual(accountOf({ balanceUsdMicros: 200n }));
    expect(books.changes()).toMatchObject({ transactions: [], changedAccounts: [], changedGrants: [] });
    books.grants.add([sampleGrant(), second], 16);
    expect(books.post(debit("t-1", 150n)).entries[0]?.grantMovements).toEqual([
      ["grant-1", -100n],
      ["grant-2", -50n],
    ]);
  });

  it("that are loaded again keep what posting did to them", () => {
    const books = booksOf([accountOf()], [sampleGrant()], [], 1);
    books.post(debit("t-1", 100n));
    books.grants.add([sampleGrant()], 16);
    expect(() => books.post(debit("t-2", 1n))).toThrow(MoreGrantsNeeded);
  });
});

describe("a grant's id", () => {
  const opened = (now: bigint, transactionId: string, line: Line["accountId"]) => {
    const none = { accounts: [], openGrants: [], openGrantsPerAccount: 32, namedGrants: [], holds: [] };
    const books = new Books(now, 3, { asked: new Set([line, "sys:deposits#03"]), ...none });
    const amount = { amountUsdMicros: 5n, grants: { kind: "opens", grant: gift } } as const;
    books.post(
      draftOf(transactionId, { accountId: line, ...amount }, { accountId: "sys:deposits", amountUsdMicros: -5n }),
    );
    return books.grants.openedBy(transactionId, line)?.grantId;
  };

  it("is the same for the same transaction and account, so that replaying the same commands makes the same ids", () => {
    expect(opened(1_700_000_000_000_000n, "transaction-1", "user")).toBe(
      derivedUuid(1_700_000_000_000_000n, "grant\ntransaction-1\nuser\n"),
    );
  });

  it("is one of its own for each transaction and account", () => {
    const ids = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,8}$/).map((id) => `u${id}`);
    fc.assert(
      fc.property(fc.tuple(ids, ids), fc.tuple(ids, ids), (one, other) => {
        const isSame = one[0] === other[0] && one[1] === other[1];
        expect(opened(5_000n, ...one) === opened(5_000n, ...other)).toBe(isSame);
      }),
    );
  });
});

describe("a hold", () => {
  const held = accountOf.bind(null, { heldUsdMicros: 40n, nextExpiryTime: 5_000n });
  const holdOf = (changes: Partial<Hold> = {}): Hold => ({
    holdId: "hold-1",
    accountId: "user",
    amountUsdMicros: 40n,
    capturedUsdMicros: 0n,
    state: "ACTIVE",
    generationId: "",
    description: "",
    expireTime: 9_000n,
    createTime: 1_000n,
    ...changes,
  });

  it("lowers what is available, not the balance, and brings the account's next end forward", () => {
    const books = booksOf([accountOf({ nextExpiryTime: 9_500n })], [sampleGrant()]);
    books.placeHold(holdOf());
    expect(books.available("user")).toBe(60n);
    expect(books.find("user")).toMatchObject({ balanceUsdMicros: 100n, heldUsdMicros: 40n, nextExpiryTime: 9_000n });
    expect(books.changes()).toMatchObject({ openedHolds: [{ holdId: "hold-1" }], changedHolds: [] });
  });

  it("that ends gives back what it held, once", () => {
    const hold = holdOf();
    const books = booksOf([held()], [sampleGrant()], [hold]);
    books.endHold(hold, "CAPTURED", 30n);
    expect(books.available("user")).toBe(100n);
    expect(books.changes()).toMatchObject({
      openedHolds: [],
      changedHolds: [{ state: "CAPTURED", capturedUsdMicros: 30n }],
      changedAccounts: [{ heldUsdMicros: 0n, updateTime: 5_000n }],
    });
  });

  it("whose time is up ends when its account is loaded, and one whose time isn't stays", () => {
    const [due, later] = [holdOf({ expireTime: 5_000n }), holdOf({ holdId: "hold-2", expireTime: 5_001n })];
    const books = booksOf([accountOf({ heldUsdMicros: 80n })], [sampleGrant()], [due, later]);
    books.settleDue("user", 5_001n);
    expect(books.available("user")).toBe(60n);
    expect([due.state, later.state]).toEqual(["EXPIRED", "ACTIVE"]);
    expect(books.find("user")?.nextExpiryTime).toBe(5_001n);
  });
});

describe("a grant whose time is up", () => {
  const ended = sampleGrant.bind(null, { grantId: "ended", expireTime: 5_000n, remainingUsdMicros: 60n });
  const lasting = sampleGrant.bind(null, { grantId: "lasting", remainingUsdMicros: 40n });

  it("leaves for sys:breakage when its account is loaded", () => {
    const books = booksOf([accountOf({ nextExpiryTime: 5_000n })], [ended(), lasting()]);
    books.settleDue("user", null);
    expect(books.find("user")).toMatchObject({ balanceUsdMicros: 40n, nextExpiryTime: null });
    expect(books.changes()).toMatchObject({
      transactions: [{ type: "GRANT_EXPIRY", caller: "sys:tollgate", requestId: "", createTime: 5_000n }],
      entries: [
        { accountId: "user", amountUsdMicros: -60n, grantMovements: [["ended", -60n]] },
        { accountId: "sys:breakage#03", amountUsdMicros: 60n, grantMovements: [] },
      ],
      changedGrants: [{ grantId: "ended", remainingUsdMicros: 0n }],
    });
  });

  it("stays as far as a hold covers it, nothing is available meanwhile, and it goes when the hold ends unspent", () => {
    const hold: Hold = {
      ...{ holdId: "hold-1", accountId: "user", amountUsdMicros: 70n, capturedUsdMicros: 0n, state: "ACTIVE" },
      ...{ generationId: "", description: "", expireTime: 9_000n, createTime: 1_000n },
    };
    const account = accountOf({ heldUsdMicros: 70n, nextExpiryTime: 5_000n });
    const books = booksOf([account], [ended(), lasting()], [hold]);
    books.settleDue("user", 9_000n);
    expect(books.find("user")).toMatchObject({ balanceUsdMicros: 70n, nextExpiryTime: 5_000n });
    expect(books.available("user")).toBe(0n);
    books.endHold(hold, "RELEASED");
    books.expireOverdue();
    expect(books.find("user")?.balanceUsdMicros).toBe(40n);
    expect(books.available("user")).toBe(40n);
    expect(books.changes().transactions.map(({ type }) => type)).toEqual(["GRANT_EXPIRY", "GRANT_EXPIRY"]);
  });

  it("isn't filled again by a refund: what belongs to it becomes a grant of its category with a week to live", () => {
    const promotional = { ...ended(), category: "PROMOTIONAL", priority: 7, remainingUsdMicros: 0n } as const;
    const books = booksOf([accountOf({ balanceUsdMicros: 40n })], [promotional, lasting()]);
    const movements = [
      ["lasting", 10n],
      ["ended", 20n],
    ] as const;
    const { entries } = books.post(
      draftOf(
        "t-1",
        { accountId: "user", amountUsdMicros: 30n, grants: { kind: "restores", movements } },
        { accountId: "sys:revenue", amountUsdMicros: -30n },
      ),
    );
    const successor = books.grants.openedBy("t-1", "user");
    const aWeekOn = 5_000n + 7n * 86_400_000_000n;
    expect(successor).toMatchObject({
      ...{ category: "PROMOTIONAL", priority: 7, expireTime: aWeekOn, isRolling: false },
      ...{ issuedUsdMicros: 20n, remainingUsdMicros: 20n, accountVersion: 5n },
    });
    expect(entries[0]?.grantMovements).toEqual([
      ["lasting", 10n],
      [successor?.grantId, 20n],
    ]);
    expect(books.find("user")).toMatchObject({ promotionalUsdMicros: 20n, nextExpiryTime: aWeekOn });
    expect(books.changes().changedGrants).toMatchObject([
      { grantId: "lasting", issuedUsdMicros: 100n, remainingUsdMicros: 50n },
    ]);
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
