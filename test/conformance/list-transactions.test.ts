import { beforeAll, expect, it } from "vitest";
import { storedAccountIds } from "../../src/domain/accounts.js";
import type {
  EntryRow,
  TransactionRow,
  TransactionType,
  TransactionWithEntries,
} from "../../src/domain/ledger/rows.js";
import type { EntryCursor, ReadStore, TransactionFilter } from "../../src/storage/read-store.js";
import { describeStores } from "../support/stores.js";
import { entryRow, NOON, transactionRow } from "./rows.js";
import { ALWAYS, fresh, openedPair, pagesOf, save } from "./support.js";

const ALL: TransactionFilter = { types: [], toolId: "", generationId: "", externalReference: "", ...ALWAYS };

interface Posting {
  readonly transaction: TransactionRow;
  readonly entry: EntryRow;
}

/** A transaction whose entry is an account's entry of this version, a microsecond after the one before it. */
function posting(accountId: string, version: number, row: Partial<TransactionRow> = {}): Posting {
  const transaction = transactionRow({ createTime: NOON + BigInt(version), ...row });
  return { transaction, entry: entryRow(accountId, BigInt(version), { transactionId: transaction.transactionId }) };
}

const changesOf = (postings: readonly Posting[]) => ({
  transactions: postings.map((one) => one.transaction),
  entries: postings.map((one) => one.entry),
});

const idsOf = (rows: readonly TransactionWithEntries[]) => rows.map((row) => row.transaction.transactionId);

function pages(store: ReadStore, accountIds: readonly string[], filter: Partial<TransactionFilter>, pageSize: number) {
  return pagesOf<TransactionWithEntries, EntryCursor>((cursor) =>
    store.listTransactions(accountIds, { ...ALL, ...filter }, cursor, pageSize),
  );
}

describeStores("listTransactions of an account", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("lists its transactions, newest first, each with all of its entries by position", async () => {
    const accountId = fresh("ann");
    const postings = [1, 2, 3].map((version) => posting(accountId, version));
    const counterEntries = postings.map(({ transaction: { transactionId } }, index) =>
      entryRow(`sys:x-${accountId}`, BigInt(index + 1), { transactionId, position: 1 }),
    );
    const { transactions, entries } = changesOf(postings);
    await save(pair.store, { transactions, entries: [...counterEntries, ...entries] });
    const { rows, next } = await pair.store.listTransactions([accountId], ALL, undefined, 10);
    expect(rows).toEqual(
      postings
        .map(({ transaction, entry }, index) => ({ transaction, entries: [entry, counterEntries[index]] }))
        .toReversed(),
    );
    expect(next).toBeUndefined();
    expect(await pair.store.listTransactions([fresh("nobody")], ALL, undefined, 10)).toEqual({
      rows: [],
      next: undefined,
    });
  });

  it.each([
    [1, [1, 1, 1, 1, 1, 1, 1]],
    [3, [3, 3, 1]],
    [7, [7]],
    [8, [7]],
  ])("gives 7 transactions in pages of %i, nothing twice and nothing left out", async (pageSize, sizes) => {
    const accountId = fresh("ann");
    const postings = [1, 2, 3, 4, 5, 6, 7].map((version) => posting(accountId, version));
    await save(pair.store, changesOf(postings));
    const read = await pages(pair.store, [accountId], {}, pageSize);
    expect(read.map((page) => page.length)).toEqual(sizes);
    expect(idsOf(read.flat())).toEqual(postings.map((one) => one.transaction.transactionId).toReversed());
  });

  it("goes on below its cursor, whatever is written meanwhile", async () => {
    const accountId = fresh("ann");
    const old = [1, 2, 3, 4].map((version) => posting(accountId, version));
    await save(pair.store, changesOf(old));
    const first = await pair.store.listTransactions([accountId], ALL, undefined, 2);
    await save(pair.other, changesOf([5, 6, 7].map((version) => posting(accountId, version))));
    const second = await pair.store.listTransactions([accountId], ALL, first.next, 2);
    expect(idsOf([...first.rows, ...second.rows])).toEqual(
      old.map((one) => one.transaction.transactionId).toReversed(),
    );
    expect(second.next).toBeUndefined();
  });

  it("keeps the order of the entries where all were written at the same time", async () => {
    const accountId = fresh("ann");
    const postings = [1, 2, 3, 4, 5].map((version) => posting(accountId, version, { createTime: NOON }));
    const [first, ...others] = postings;
    // The first entry belongs to the transaction with the highest id.
    const highest = transactionRow({ createTime: NOON });
    const moved = {
      transaction: highest,
      entry: { ...(first as Posting).entry, transactionId: highest.transactionId },
    };
    await save(pair.store, changesOf([moved, ...others]));
    const expected = [moved, ...others].map((one) => one.transaction.transactionId).toReversed();
    expect(idsOf((await pages(pair.store, [accountId], {}, 2)).flat())).toEqual(expected);
  });

  it("looks at no more than 20 pages' worth of entries for a rare filter, and says where to go on", async () => {
    const accountId = fresh("ann");
    const rare = posting(accountId, 1, { toolId: "rare" });
    const others = Array.from({ length: 99 }, (_, index) => posting(accountId, index + 2, { toolId: "common" }));
    await save(pair.store, changesOf([rare, ...others]));
    const filter = { ...ALL, toolId: "rare" };
    const first = await pair.store.listTransactions([accountId], filter, undefined, 2);
    // 100 to 61 are the 40 entries that were looked at: the next list begins below 61.
    expect(first).toEqual({ rows: [], next: { [accountId]: 61n } });
    const second = await pair.store.listTransactions([accountId], filter, first.next, 2);
    expect(second).toEqual({ rows: [], next: { [accountId]: 21n } });
    const third = await pair.store.listTransactions([accountId], filter, second.next, 2);
    expect(idsOf(third.rows)).toEqual([rare.transaction.transactionId]);
    expect(third.next).toBeUndefined();
  });
});

describeStores("a filter of listTransactions", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const accountId = "ann";
  const types: readonly TransactionType[] = ["CREDIT", "DEBIT", "GENERATION_SETTLEMENT"];
  /** Of versions 1 to 12. */
  const postings = Array.from({ length: 12 }, (_, index) =>
    posting(accountId, index + 1, {
      type: types[index % 3] as TransactionType,
      toolId: `tool-${index % 4}`,
      generationId: `generation-${index % 6}-${index % 3 === 2 ? index : ""}`,
      externalReference: `stripe-${index}`,
    }),
  );
  beforeAll(() => save(pair.store, changesOf(postings)));

  it.each<[string, Partial<TransactionFilter>, number[]]>([
    ["a type", { types: ["DEBIT"] }, [11, 8, 5, 2]],
    ["several types", { types: ["CREDIT", "DEBIT"] }, [11, 10, 8, 7, 5, 4, 2, 1]],
    ["a tool", { toolId: "tool-0" }, [9, 5, 1]],
    ["a generation", { generationId: "generation-0-" }, [7, 1]],
    ["an external reference", { externalReference: "stripe-4" }, [5]],
    ["a start time, inclusive", { startTime: NOON + 10n }, [12, 11, 10]],
    ["an end time, exclusive", { endTime: NOON + 4n }, [3, 2, 1]],
    ["a stretch of time", { startTime: NOON + 4n, endTime: NOON + 6n }, [5, 4]],
    ["all of it at once", { types: ["CREDIT"], toolId: "tool-0", startTime: NOON + 2n, endTime: NOON + 12n }, []],
    ["nothing that there is", { toolId: "tool" }, []],
  ])("takes %s", async (_, filter, versions) => {
    const expected = versions.map((version) => postings[version - 1]?.transaction.transactionId);
    for (const pageSize of [1, 2, 100]) {
      expect(idsOf((await pages(pair.store, [accountId], filter, pageSize)).flat())).toEqual(expected);
    }
  });
});

describeStores("listTransactions of a platform account", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const stripes = storedAccountIds("sys:revenue");
  /** Entry n is on some stripe or other, four at a time at the same moment; stripe 15 has none. */
  const stripeOf = (index: number) => stripes[(index * 7) % 15] as string;
  const postings: Posting[] = [];
  const post = (index: number): Posting => {
    const accountId = stripeOf(index);
    const version = postings.filter((one) => one.entry.accountId === accountId).length + 1;
    return posting(accountId, version, {
      createTime: NOON + BigInt(Math.floor(index / 4)),
      toolId: index % 10 === 3 ? "rare" : "common",
    });
  };
  for (let index = 0; index < 200; index++) postings.push(post(index));
  const newestFirst = postings.map((one) => one.transaction.transactionId).toReversed();
  beforeAll(() => save(pair.store, changesOf(postings)));

  it("has 16 stripes", () => expect(stripes).toHaveLength(16));

  it.each([3, 7, 50, 200, 1_000])("merges its stripes, newest first, in pages of %i", async (pageSize) => {
    const read = await pages(pair.store, stripes, {}, pageSize);
    expect(idsOf(read.flat())).toEqual(newestFirst);
    for (const page of read.slice(0, -1)) expect(page).toHaveLength(pageSize);
  });

  it.each([2, 3, 100])("merges what a filter leaves of its stripes in pages of %i", async (pageSize) => {
    const rare = postings.filter((one) => one.transaction.toolId === "rare");
    const read = await pages(pair.store, stripes, { toolId: "rare" }, pageSize);
    expect(idsOf(read.flat())).toEqual(rare.map((one) => one.transaction.transactionId).toReversed());
  });

  it("ends at the start time on every stripe", async () => {
    const startTime = NOON + 40n;
    const read = await pages(pair.store, stripes, { startTime }, 7);
    const expected = postings.filter((one) => one.transaction.createTime >= startTime);
    expect(idsOf(read.flat())).toEqual(expected.map((one) => one.transaction.transactionId).toReversed());
  });

  it("goes on below its cursor, whatever is written meanwhile, even on a stripe that had nothing before", async () => {
    const empty = stripes[15] as string;
    const first = await pair.store.listTransactions(stripes, ALL, undefined, 30);
    const later = [empty, stripeOf(0), stripeOf(1)].map((accountId) => posting(accountId, 1_000));
    await save(pair.other, changesOf(later));
    const rest = await pagesOf<TransactionWithEntries, EntryCursor>((cursor) =>
      pair.store.listTransactions(stripes, ALL, cursor ?? first.next, 30),
    );
    expect(idsOf([...first.rows, ...rest.flat()])).toEqual(newestFirst);
  });
});
