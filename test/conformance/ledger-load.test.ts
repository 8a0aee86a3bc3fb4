import { expect, it } from "vitest";
import { byBurnOrder } from "../../src/domain/ledger/grants.js";
import type { Grant } from "../../src/domain/ledger/rows.js";
import type { LedgerStore, LedgerTransaction } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import {
  accountRow,
  fullGenerationRow,
  generationRow,
  grantRow,
  NO_CHANGES,
  NOON,
  requestRow,
  transactionRow,
} from "./rows.js";
import { fresh, ids, loadKeys, openedPair, save, tamperAs } from "./support.js";

describeStores("loadKeys", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("reads used external references and whose they are", async () => {
    const used = transactionRow({ externalReference: fresh("stripe") });
    await save(pair.store, { transactions: [used, transactionRow({ externalReference: fresh("stripe") })] });
    const { externalReferences } = await pair.store.transact((transaction) =>
      loadKeys(transaction, { externalReferences: [used.externalReference] }),
    );
    expect(externalReferences).toEqual([
      { externalReference: used.externalReference, transactionId: used.transactionId },
    ]);
  });

  it("reads generations by id or by run id, each once, every column as it was saved", async () => {
    const byId = fullGenerationRow();
    const byRun = fullGenerationRow();
    const byBoth = generationRow({ runId: fresh("run") });
    await save(pair.store, { openedGenerations: [byId, byRun, byBoth, generationRow({ runId: fresh("run") })] });
    const { generations } = await pair.store.transact((transaction) =>
      loadKeys(transaction, {
        generations: [
          { generationId: byId.generationId, runId: "" },
          { generationId: "", runId: byRun.runId },
          { generationId: byBoth.generationId, runId: byBoth.runId },
        ],
      }),
    );
    expect(generations).toEqual([byId, byRun, byBoth]);
  });

  it("reads a run id that two providers use as two generations", async () => {
    const runId = fresh("run");
    const one = generationRow({ runId, provider: "comfydeploy" });
    const two = generationRow({ runId, provider: "replicate" });
    await save(pair.store, { openedGenerations: [one, two] });
    const { generations } = await pair.store.transact((transaction) =>
      loadKeys(transaction, { generations: [{ generationId: "", runId }] }),
    );
    expect(generations).toEqual([one, two]);
  });

  it("reads generations in order of generation_id, in whatever order they are asked for", async () => {
    const generationIds = ids(20);
    const rows = generationIds.map((generationId, index) => generationRow({ generationId, runId: fresh(`${index}`) }));
    await save(pair.store, { openedGenerations: rows.toReversed() });
    const { generations } = await pair.store.transact((transaction) =>
      loadKeys(transaction, {
        generations: rows
          .toReversed()
          .map(({ generationId, runId }, index) =>
            index % 2 ? { generationId, runId: "" } : { generationId: "", runId },
          ),
      }),
    );
    expect(generations.map((generation) => generation.generationId)).toEqual(generationIds);
  });

  it("leaves unknown keys out, ids that are no UUID among them, and takes empty texts for no key", async () => {
    await save(pair.store, { openedGenerations: [generationRow()], transactions: [transactionRow()] });
    const [unknown = ""] = ids(1);
    const loaded = await pair.store.transact((transaction) =>
      loadKeys(transaction, {
        externalReferences: ["", fresh("unknown")],
        generations: [
          { generationId: unknown, runId: "" },
          { generationId: "no-uuid", runId: "" },
          { generationId: "", runId: "no-run" },
          { generationId: "", runId: "" },
        ],
      }),
    );
    expect(loaded).toMatchObject({ externalReferences: [], generations: [] });
  });
});

describeStores("loadRequests", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("reads the idempotency records of the callers and request ids that are asked for, and leaves unknown ones out", async () => {
    const requestId = fresh("r");
    const ours = requestRow({ requestId, caller: "bot" });
    const theirs = requestRow({ requestId, caller: "web", resourceKind: "GENERATION" });
    await save(pair.store, { requests: [ours, theirs, requestRow({ caller: "bot" })] });
    await pair.store.transact(async (transaction) => {
      const unknown = { caller: "nobody", requestId };
      expect((await transaction.loadRequests([unknown, ours])).requests).toEqual([ours]);
      expect(new Set((await transaction.loadRequests([theirs, ours])).requests)).toEqual(new Set([ours, theirs]));
    });
  });

  it("tells the store's clock, in microseconds", async () => {
    const now = () =>
      tamperAs(pair.database, {
        sqlite: "select cast(unixepoch('subsec') * 1000 as integer) * 1000 as now",
        postgres: "select floor(extract(epoch from clock_timestamp()) * 1000000)::text as now",
      }).then(([row]) => BigInt((row as { now: string }).now));
    const before = await now();
    const { clock } = await pair.store.transact((transaction) => transaction.loadRequests([]));
    expect(clock).toBeGreaterThanOrEqual(before);
    // SQLite's counts milliseconds, and tells apart what it tells within one: that one has to be over.
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(clock).toBeLessThanOrEqual(await now());
  });

  it("tells each transaction a later time than the one before", async () => {
    const tell = async () => (await pair.store.transact((transaction) => transaction.loadRequests([]))).clock;
    const times = [await tell(), await tell(), await tell(), await tell()];
    expect([...new Set(times)].sort()).toEqual(times);
  });
});

describeStores("loadAccounts", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("reads accounts by stored id in bytewise order, every column as it was saved", async () => {
    const rows = ["B", "Z#1", "_", "a", "b", "sys:x#03", "z"].map((accountId) =>
      accountRow(accountId, { heldUsdMicros: 3n, promotionalUsdMicros: 2n, version: 9n, updateTime: NOON + 1n }),
    );
    await save(pair.store, { openedAccounts: rows });
    const asked = rows.map((row) => row.accountId).toReversed();
    expect(await pair.store.transact((transaction) => transaction.loadAccounts(asked))).toEqual(rows);
  });

  it("leaves accounts out that don't exist and makes nothing for them", async () => {
    const [known, unknown] = [fresh("known"), fresh("unknown")];
    await save(pair.store, { openedAccounts: [accountRow(known)] });
    const load = (transaction: LedgerTransaction) => transaction.loadAccounts([unknown, known]);
    expect((await pair.store.transact(load)).map((account) => account.accountId)).toEqual([known]);
    expect((await pair.store.accounts([unknown, known])).map((account) => account.accountId)).toEqual([known]);
  });
});

describeStores("loadGrants", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  const load = (accountIds: readonly string[], limit: number): Promise<Grant[]> =>
    pair.store.transact(async (transaction) => {
      await transaction.loadAccounts(accountIds);
      return transaction.loadGrants(accountIds, limit);
    });
  /** Which grants came, in burn order. */
  const idsOf = (grants: readonly Grant[]) => [...new Set(grants.toSorted(byBurnOrder).map((grant) => grant.grantId))];

  /** In burn order: each differs from the one before in one thing only. */
  const inBurnOrder = (accountId: string): Grant[] => {
    const [first = "", second = ""] = ids(2);
    const later = { accountVersion: 5n, createTime: NOON };
    return [
      grantRow(accountId, { priority: 0, category: "PAID", accountVersion: 9n }),
      grantRow(accountId, { priority: 7, expireTime: NOON + 8n, category: "PAID", accountVersion: 8n }),
      grantRow(accountId, { priority: 7, expireTime: NOON + 9n, category: "PAID", accountVersion: 7n }),
      grantRow(accountId, { priority: 7, category: "PROMOTIONAL", accountVersion: 6n }),
      grantRow(accountId, { priority: 7, category: "PAID", accountVersion: 4n, createTime: NOON + 1n }),
      grantRow(accountId, { priority: 7, category: "PAID", ...later, grantId: first }),
      grantRow(accountId, { priority: 7, category: "PAID", ...later, grantId: second }),
      grantRow(accountId, { priority: 100, category: "PROMOTIONAL", createTime: NOON }),
    ];
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    "reads the first open grants of an account in burn order, at most %i",
    async (limit) => {
      const accountId = fresh("ann");
      const grants = inBurnOrder(accountId);
      await save(pair.store, { openedAccounts: [accountRow(accountId)], openedGrants: grants.toReversed() });
      const loaded = await load([accountId], limit);
      expect(idsOf(loaded)).toEqual(grants.slice(0, limit).map((grant) => grant.grantId));
      expect(loaded).toContainEqual(grants[0]);
    },
  );

  it("limits each account by itself", async () => {
    const accountIds = ["ann", "ben"].map(fresh);
    const grants = accountIds.map(inBurnOrder);
    await save(pair.store, { openedAccounts: accountIds.map((id) => accountRow(id)), openedGrants: grants.flat() });
    const loaded = await load(accountIds, 2);
    for (const [index, accountId] of accountIds.entries()) {
      const own = loaded.filter((grant) => grant.accountId === accountId);
      expect(idsOf(own)).toEqual(grants[index]?.slice(0, 2).map((grant) => grant.grantId));
    }
  });

  it("leaves spent grants out", async () => {
    const accountId = fresh("ann");
    const spent = grantRow(accountId, { remainingUsdMicros: 0n, priority: 1 });
    const burned = grantRow(accountId, { priority: 2 });
    const open = grantRow(accountId, { priority: 3 });
    await save(pair.store, { openedAccounts: [accountRow(accountId)], openedGrants: [spent, burned, open] });
    await save(pair.store, { changedGrants: [{ ...burned, remainingUsdMicros: 0n }] });
    expect(idsOf(await load([accountId], 10))).toEqual([open.grantId]);
  });

  it.each([
    ["open", 5n],
    ["spent", 0n],
  ])("reads an account's rolling grant, %s, although others come first and fill the limit", async (_, remaining) => {
    const accountId = fresh("ann");
    const rolling = grantRow(accountId, { isRolling: true, priority: 90, remainingUsdMicros: remaining });
    const others = inBurnOrder(accountId).slice(0, 3);
    await save(pair.store, { openedAccounts: [accountRow(accountId)], openedGrants: [rolling, ...others] });
    const loaded = await load([accountId], 2);
    expect(idsOf(loaded)).toEqual([others[0]?.grantId, others[1]?.grantId, rolling.grantId]);
    expect(loaded).toContainEqual(rolling);
  });

  it("reads a rolling grant once that is among the first, also where these fill the limit", async () => {
    const accountId = fresh("ann");
    const rolling = grantRow(accountId, { isRolling: true });
    await save(pair.store, { openedAccounts: [accountRow(accountId)], openedGrants: [rolling] });
    expect(await load([accountId], 10)).toEqual([rolling]);
    expect(await load([accountId], 1)).toEqual([rolling]);
  });

  it("finds a grant again that is filled up after it was spent", async () => {
    const accountId = fresh("ann");
    const grant = grantRow(accountId, { remainingUsdMicros: 0n });
    await save(pair.store, { openedAccounts: [accountRow(accountId)], openedGrants: [grant] });
    const filled = { ...grant, issuedUsdMicros: 250n, remainingUsdMicros: 150n };
    await save(pair.store, { changedGrants: [filled] });
    expect(await load([accountId], 10)).toEqual([filled]);
  });

  it("finds what another instance did to an account's grants, and its own doings when a transaction has failed", async () => {
    const accountId = fresh("ann");
    const account = accountRow(accountId);
    const grant = grantRow(accountId, { remainingUsdMicros: 100n });
    /** Burns 10 of what it finds; the entry that goes with it makes another head. */
    const burn = (store: LedgerStore, head: number, end: () => void = () => {}): Promise<void> =>
      store.transact(async (transaction) => {
        await transaction.loadAccounts([accountId]);
        const [found] = (await transaction.loadGrants([accountId], 10)) as [Grant];
        found.remainingUsdMicros -= 10n;
        const changedAccounts = [{ ...account, chainHead: Buffer.alloc(32, head) }];
        await transaction.save({ ...NO_CHANGES, changedAccounts, changedGrants: [found] });
        end();
      });
    await save(pair.store, { openedAccounts: [account], openedGrants: [grant] });
    const stores = [pair.store, pair.store, pair.other, pair.store, pair.store, pair.other];
    for (const [index, store] of stores.entries()) await burn(store, index + 1);
    const fails = (): void => {
      throw new Error("it fails");
    };
    await expect(burn(pair.store, 8, fails)).rejects.toThrow("it fails");
    await burn(pair.other, 8);
    await burn(pair.store, 9);
    expect(await load([accountId], 10)).toEqual([{ ...grant, remainingUsdMicros: 20n }]);
  });
});
