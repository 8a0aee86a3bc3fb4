import { expect, it } from "vitest";
import type { Generation } from "../../src/domain/generation/generation.js";
import type { Account, ChainedTransaction, ClawbackRow, EntryRow } from "../../src/domain/ledger/rows.js";
import type {
  AuditedGrant,
  AuditedRequest,
  AuditView,
  ClawbackKey,
  ClawbackToCheck,
  GenerationToCheck,
  HoldToCheck,
  RewardFound,
  RewardToCheck,
  TransactionToCheck,
} from "../../src/storage/audit-store.js";
import type { RequestKey } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import {
  accountRow,
  chainedOf,
  clawbackRow,
  entryRow,
  fullGenerationRow,
  generationRow,
  grantRow,
  holdRow,
  requestRow,
  rewardRow,
  transactionRow,
} from "./rows.js";
import { fresh, ids, openedPair, save, walk } from "./support.js";

describeStores("what an audit walks", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => pair.store.snapshot(work);

  it("is accounts by account_id", async () => {
    const accounts = ["A", "B#01", "a", "b", "c"].map((accountId) => accountRow(accountId));
    await save(pair.store, { openedAccounts: accounts.toReversed() });
    const read = await view((open) =>
      walk<Account, string>(
        "",
        (row) => row.accountId,
        (after, limit) => open.accountsAfter(after, limit),
      ),
    );
    expect(read).toEqual(accounts);
  });

  it("is entries of all accounts, by account and version, each with its transaction, or null if there is none", async () => {
    const transactions = [1, 2, 3].map(() => transactionRow());
    const positions = [
      ["A", 9n],
      ["A", 10n],
      ["a", 2n],
      ["a", 100n],
      ["b", 1n],
    ] as const;
    const entries = positions.map(([accountId, version], index) =>
      entryRow(accountId, version, index < 3 ? { transactionId: transactions[index]?.transactionId ?? "" } : {}),
    );
    await save(pair.store, { transactions, entries: entries.toReversed() });
    const read = await view((open) =>
      walk<readonly [EntryRow, ChainedTransaction | null], { accountId: string; accountVersion: bigint }>(
        { accountId: "", accountVersion: 0n },
        ([entry]) => entry,
        (after, limit) => open.allEntriesAfter(after, limit),
      ),
    );
    expect(read).toEqual(
      entries.map((entry, index) => {
        const transaction = transactions[index];
        return [entry, transaction ? chainedOf(transaction) : null];
      }),
    );
  });

  it("is grants of all accounts, by account and grant_id, spent ones too, and says which ones debits look at", async () => {
    const grants = ids(5).map((grantId, index) =>
      grantRow(index < 3 ? "A" : "a", { grantId, remainingUsdMicros: BigInt(index % 2) }),
    );
    await save(pair.store, { openedGrants: grants.toReversed() });
    const read = await view((open) =>
      walk<AuditedGrant, { accountId: string; grantId: string }>(
        { accountId: "", grantId: "" },
        (row) => row,
        (after, limit) => open.allGrantsAfter(after, limit),
      ),
    );
    expect(read).toEqual(grants.map((grant) => ({ ...grant, isOpen: grant.remainingUsdMicros > 0n })));
  });

  it("is requests by caller and request_id, and says whether what each made is there", async () => {
    const transaction = transactionRow({ caller: "a", requestId: "1" });
    const generation = generationRow();
    const made = { resourceKind: "TRANSACTION", resourceId: transaction.transactionId } as const;
    const expected: readonly (readonly [RequestKey & Partial<AuditedRequest>, boolean])[] = [
      [{ caller: "B", requestId: "9" }, false],
      [{ caller: "a", requestId: "1", ...made }, true],
      [{ caller: "a", requestId: "2", ...made }, false],
      [{ caller: "a", requestId: "3", resourceKind: "GENERATION", resourceId: generation.generationId }, true],
      [{ caller: "b", requestId: "0", resourceKind: "GENERATION", resourceId: transaction.transactionId }, false],
    ];
    const requests = expected.map(([row]) => requestRow(row));
    await save(pair.store, { requests, transactions: [transaction], openedGenerations: [generation] });
    const read = await view((open) =>
      walk<AuditedRequest, RequestKey>(
        { caller: "", requestId: "" },
        (row) => row,
        (after, limit) => open.requestsAfter(after, limit),
      ),
    );
    expect(read).toEqual(
      requests.map(({ fingerprint: _, ...row }, index) => ({ ...row, hasEffect: expected[index]?.[1] })),
    );
    const strays = read.filter(({ hasEffect }) => !hasEffect);
    const readStrays = (after: RequestKey, limit: number) => view((open) => open.requestsAfter(after, limit, "strays"));
    expect(await readStrays({ caller: "", requestId: "" }, 2)).toEqual(strays.slice(0, 2));
    expect(await readStrays(strays[1] ?? { caller: "", requestId: "" }, 2)).toEqual(strays.slice(2));
  });
});

/** A generation as far as a settlement depends on it. */
function toCheck(row: Generation): GenerationToCheck {
  const { generationId, state, pricing, baseCostUsdMicros, feeUsdMicros, chargedAccountId, transactionId } = row;
  const pricingUnit = pricing.unit;
  const { policyId: rewardPolicyId } = row.rewardPolicy;
  const charge = { baseCostUsdMicros, feeUsdMicros, chargedAccountId, transactionId };
  return { generationId, state, pricingUnit, rewardPolicyId, ...charge };
}

describeStores("what an audit compares", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => pair.store.snapshot(work);

  it("is transactions by transaction_id, each with its entries and rewards by position, its request and what it settles", async () => {
    const generation = fullGenerationRow();
    const { generationId } = generation;
    const [first = "", second = "", third = ""] = ids(3);
    const settlement = transactionRow({ transactionId: first, type: "GENERATION_SETTLEMENT", generationId });
    const requested = transactionRow({ transactionId: second, requestId: fresh("request"), generationId });
    const unnamed = transactionRow({ transactionId: third, requestId: "" });
    const entries = [0, 1, 2].map((position) => entryRow(fresh("ann"), 1n, { transactionId: first, position }));
    const rewards = [2, 10].map((position) => rewardRow("ann", { transactionId: first, position, generationId }));
    await save(pair.store, {
      openedGenerations: [generation],
      transactions: [unnamed, requested, settlement],
      entries: entries.toReversed(),
      rewards: rewards.toReversed(),
      requests: [
        requestRow({ requestId: requested.requestId, resourceId: second }),
        requestRow({ requestId: "", resourceId: third }),
      ],
    });
    const read = await view((open) =>
      walk<TransactionToCheck, string>(
        "",
        (row) => row.transaction.transactionId,
        (after, limit) => open.transactionsToCheckAfter(after, limit),
      ),
    );
    const refunds = { paidBackUsdMicros: 0n, fromBaseUsdMicros: 0n };
    const unrefunded = { refunds, clawbacks: [], refunded: null };
    const bare = { postings: [], rewards: [], recorded: null, generation: null, ...unrefunded };
    expect(read).toEqual([
      {
        ...unrefunded,
        transaction: settlement,
        postings: entries.map(({ accountId, amountUsdMicros }) => ({ accountId, amountUsdMicros })),
        rewards: rewards.map(({ position, accountId, amountUsdMicros, refundedUsdMicros, clawedBackUsdMicros }) => ({
          ...{ position, accountId, generationId, amountUsdMicros, refundedUsdMicros, clawedBackUsdMicros },
          clawbacksUsdMicros: 0n,
        })),
        recorded: null,
        generation: toCheck(generation),
      },
      { transaction: requested, ...bare, recorded: { resourceKind: "TRANSACTION", resourceId: second } },
      { transaction: unnamed, ...bare },
    ]);
  });

  it("is generations by generation_id, as far as a settlement depends on them", async () => {
    const before = await view((open) => open.generationsToCheckAfter("", 100));
    const generations = ids(3).map((generationId, index) =>
      index === 0 ? generationRow({ generationId }) : fullGenerationRow({ generationId }),
    );
    await save(pair.store, { openedGenerations: generations.toReversed() });
    const read = await view((open) =>
      walk<GenerationToCheck, string>(
        "",
        (row) => row.generationId,
        (after, limit) => open.generationsToCheckAfter(after, limit),
      ),
    );
    expect(read.filter((row) => !before.some(({ generationId }) => generationId === row.generationId))).toEqual(
      generations.map(toCheck),
    );
  });

  it("is what refunds say of the transaction that they give money back of, and what they took back of its rewards", async () => {
    const [settled = "", first = "", second = ""] = ids(3);
    const settlement = transactionRow({ transactionId: settled, type: "GENERATION_SETTLEMENT" });
    const refunds = [first, second].map((transactionId) =>
      transactionRow({ transactionId, type: "REFUND", refundOfTransactionId: settled }),
    );
    const reward = rewardRow("ann", { transactionId: settled, assetId: "lora-1", clawedBackUsdMicros: 5n });
    const entries = [
      entryRow("payer", 1n, { transactionId: settled, position: 0, amountUsdMicros: -100n }),
      entryRow("payer", 2n, { transactionId: first, position: 0, amountUsdMicros: 30n }),
      entryRow("sys:revenue#01", 2n, { transactionId: first, position: 1, amountUsdMicros: -28n }),
      entryRow("payer", 3n, { transactionId: second, position: 0, amountUsdMicros: 50n }),
      entryRow("sys:revenue#02", 3n, { transactionId: second, position: 1, amountUsdMicros: -47n }),
    ];
    const clawbacks = [
      clawbackRow("ann", { transactionId: first, amountUsdMicros: 2n }),
      clawbackRow("ann", { transactionId: second, amountUsdMicros: 3n }),
    ];
    await save(pair.store, { transactions: [settlement, ...refunds], entries, rewards: [reward], clawbacks });
    const [read, ofFirst] = await view((open) => open.transactionsToCheck([settled, first]));
    expect(read?.refunds).toEqual({ paidBackUsdMicros: 80n, fromBaseUsdMicros: 75n });
    expect(read?.rewards).toMatchObject([{ clawedBackUsdMicros: 5n, clawbacksUsdMicros: 5n }]);
    expect(ofFirst?.clawbacks).toEqual([{ accountId: "ann", amountUsdMicros: 2n }]);
    const refunded = { transactionId: settled, type: "GENERATION_SETTLEMENT", payerAccountId: "payer" };
    expect(ofFirst?.refunded).toEqual(refunded);
  });

  it("is the settlements of some generations", async () => {
    const [first = "", second = "", third = ""] = ids(3);
    const settlements = [first, second].map((generationId) =>
      transactionRow({ type: "GENERATION_SETTLEMENT", generationId }),
    );
    const debit = transactionRow({ type: "DEBIT", generationId: third });
    await save(pair.store, { transactions: [...settlements, debit] });
    expect(await view((open) => open.settlementsOf([first, third]))).toEqual([[first, settlements[0]?.transactionId]]);
    expect(await view((open) => open.settlementsOf([]))).toEqual([]);
  });
});

describeStores("what an audit looks for", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => pair.store.snapshot(work);

  it("is rewards by transaction_id and position, and whether each has its transaction, its day and its user", async () => {
    const [first = "", second = ""] = ids(2);
    const rewards = [
      rewardRow("ann", { transactionId: first, position: 2 }),
      rewardRow("ann", { transactionId: first, position: 10 }),
      rewardRow("ann", { transactionId: second, position: 0 }),
    ];
    await save(pair.store, { rewards: rewards.toReversed(), transactions: [transactionRow({ transactionId: first })] });
    await pair.database.tamper(`update rewards set user_account_id = 'eve' where transaction_id = '${second}'`);
    const read = await view((open) =>
      walk<RewardFound, RewardToCheck>(
        { transactionId: "", position: 0 },
        (row) => row,
        (after, limit) => open.rewardsAfter(after, limit),
      ),
    );
    expect(read).toEqual([
      { transactionId: first, position: 2, hasTransaction: true, hasDay: true, hasUser: true },
      { transactionId: first, position: 10, hasTransaction: true, hasDay: true, hasUser: true },
      { transactionId: second, position: 0, hasTransaction: false, hasDay: true, hasUser: false },
    ]);
    const strays = await view((open) => open.rewardsAfter({ transactionId: "", position: 0 }, 10, "strays"));
    expect(strays).toEqual(read.slice(2));
    const [stray = { transactionId: "", position: 0 }] = strays;
    expect(await view((open) => open.rewardsAfter(stray, 10, "strays"))).toEqual([]);
  });

  it("is clawbacks by transaction_id and position, and whether each has its refund and its reward there", async () => {
    const [settled = "", refund = "", stray = ""] = ids(3);
    const transactions = [
      transactionRow({ transactionId: settled, type: "GENERATION_SETTLEMENT" }),
      transactionRow({ transactionId: refund, type: "REFUND", refundOfTransactionId: settled }),
    ];
    const rewards = [2, 10, 11, 12].map((position) => rewardRow("ann", { transactionId: settled, position }));
    const of = (transactionId: string, position: number, row: Partial<ClawbackRow> = {}) =>
      clawbackRow("ann", { transactionId, position, ...row });
    const clawbacks = [
      of(settled, 2),
      of(refund, 2),
      of(refund, 3),
      of(refund, 10, { accountId: "ben" }),
      of(refund, 11, { assetId: "lora-9" }),
      of(refund, 12, { role: "SPELL_CREATOR" }),
      of(stray, 2),
    ];
    await save(pair.store, { transactions, rewards, clawbacks: clawbacks.toReversed() });
    const read = await view((open) =>
      walk<ClawbackToCheck, ClawbackKey>(
        { transactionId: "", position: 0 },
        (row) => row,
        (after, limit) => open.clawbacksAfter(after, limit),
      ),
    );
    expect(read).toEqual(
      clawbacks.map(({ transactionId, position }, index) => {
        // Sums are written with the rows, whatever these say.
        return { transactionId, position, hasReward: index === 1, hasDay: true };
      }),
    );
    const strays = read.filter(({ hasReward }) => !hasReward);
    const readStrays = (after: ClawbackKey, limit: number) =>
      view((open) => open.clawbacksAfter(after, limit, "strays"));
    expect(await readStrays({ transactionId: "", position: 0 }, 4)).toEqual(strays.slice(0, 4));
    expect(await readStrays(strays[3] ?? { transactionId: "", position: 0 }, 4)).toEqual(strays.slice(4));
  });

  it("is holds of all accounts, by account and hold_id, each with the generation that it names", async () => {
    const [first = "", second = "", third = "", unknown = ""] = ids(4);
    const generation = generationRow({ holdId: second, state: "RUNNING" });
    const unheld = generationRow();
    const holds = [
      holdRow("A", { holdId: first, state: "CAPTURED", capturedUsdMicros: 7n, description: "ä" }),
      holdRow("A", { holdId: second, generationId: generation.generationId, expireTime: null }),
      holdRow("a", { holdId: ids(1)[0] ?? "", generationId: unknown, expireTime: null }),
      holdRow("b", { holdId: third, generationId: unheld.generationId, expireTime: null }),
    ];
    await save(pair.store, { openedHolds: holds.toReversed(), openedGenerations: [generation, unheld] });
    const read = await view((open) =>
      walk<HoldToCheck, { accountId: string; holdId: string }>(
        { accountId: "", holdId: "" },
        (row) => row,
        (after, limit) => open.allHoldsAfter(after, limit),
      ),
    );
    const named = [null, { state: "RUNNING", holdId: second }, null, { state: "PENDING", holdId: "" }];
    expect(read).toEqual(holds.map((hold, index) => ({ ...hold, generation: named[index] })));
  });

  it("is a row that can't be decoded, as REFUSED, by its name", async () => {
    const transaction = transactionRow();
    const { transactionId } = transaction;
    await save(pair.store, { transactions: [transaction], entries: [entryRow(fresh("ann"), 1n, { transactionId })] });
    await pair.database.tamper(`update transactions set metadata = '{' where transaction_id = '${transactionId}'`);
    await pair.database.tamper(`update entries set grant_movements = '{' where transaction_id = '${transactionId}'`);
    const refused = { name: "StoreError", kind: "REFUSED", message: expect.stringContaining(transactionId) };
    await expect(view((open) => open.transactionsToCheckAfter("", 100))).rejects.toMatchObject(refused);
    const first = { accountId: "", accountVersion: 0n };
    await expect(view((open) => open.allEntriesAfter(first, 100))).rejects.toMatchObject(refused);
  });

  it("is how many rows there are", async () => {
    const before = await view((open) => open.counts());
    await save(pair.store, {
      openedAccounts: [accountRow(fresh("ann")), accountRow(fresh("ben"))],
      entries: [1n, 2n, 3n].map((version) => entryRow(fresh("ann"), version)),
      openedGrants: [1, 2, 3, 4, 5].map(() => grantRow(fresh("ann"))),
      openedHolds: [1, 2, 3, 4, 5, 6, 7, 8].map(() => holdRow(fresh("ann"))),
      clawbacks: [1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => clawbackRow("ann", { assetId: "lora of ann" })),
      transactions: [transactionRow()],
      openedGenerations: [1, 2, 3, 4].map(() => generationRow()),
      rewards: [1, 2, 3, 4, 5, 6].map(() => rewardRow("ann", { assetId: "lora of ann" })),
      requests: [1, 2, 3, 4, 5, 6, 7].map(() => requestRow()),
    });
    expect(await view((open) => open.counts())).toEqual({
      accounts: before.accounts + 2,
      entries: before.entries + 3,
      grants: before.grants + 5,
      holds: before.holds + 8,
      clawbacks: before.clawbacks + 9,
      assetDays: before.assetDays + 1,
      transactions: before.transactions + 1,
      rewards: before.rewards + 6,
      generations: before.generations + 4,
      requests: before.requests + 7,
    });
  });
});
