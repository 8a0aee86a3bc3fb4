import { expect, it } from "vitest";
import { describeStores } from "../support/stores.js";
import { accountRow, generationRow, NO_CHANGES } from "./rows.js";
import { fresh, keepOpen, loadKeys, openedPair, save } from "./support.js";

const CONFLICT = { name: "StoreError", kind: "CONFLICT" };

/* Transactions of one store on SQLite share the file's one write lock and one connection, and Postgres' have connections of their own: what each may see of the other is the same. */
describeStores("transactions of one store at the same time", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  async function twoAccounts() {
    const [ann, ben] = [accountRow(fresh("ann")), accountRow(fresh("ben"))];
    await save(pair.store, { openedAccounts: [ann, ben] });
    return { ann, ben };
  }

  it("don't wait for each other where they lock other accounts", async () => {
    const { ann, ben } = await twoAccounts();
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    const richer = { ...ben, balanceUsdMicros: 7n };
    await pair.store.transact(async (transaction) => {
      expect(await transaction.loadAccounts([ben.accountId])).toEqual([ben]);
      await transaction.save({ ...NO_CHANGES, changedAccounts: [richer] }, true);
    });
    expect(await pair.other.accounts([ben.accountId])).toEqual([richer]);
    const changed = { ...ann, balanceUsdMicros: 9n };
    await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedAccounts: [changed] }, true));
    expect(await pair.other.accounts([ann.accountId])).toEqual([changed]);
  });

  it("wait for an account that another has locked, and read it as that one left it", async () => {
    const { ann, ben } = await twoAccounts();
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    let isLoaded = false;
    const waiting = pair.store.transact(async (transaction) => {
      const accounts = await transaction.loadAccounts([ann.accountId, ben.accountId].sort());
      isLoaded = true;
      return accounts;
    });
    await pair.store.transact((transaction) => transaction.loadRequests([]));
    expect(isLoaded).toBe(false);
    const changed = { ...ann, balanceUsdMicros: 7n };
    await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedAccounts: [changed] }));
    expect(new Set(await waiting)).toEqual(new Set([changed, ben]));
  });

  it("wait for a generation that another has locked by its other name, and read it as that one left it", async () => {
    const row = generationRow({ runId: fresh("run") });
    await save(pair.store, { openedGenerations: [row] });
    const byId = { generations: [{ generationId: row.generationId, runId: "" }] };
    const byRun = { generations: [{ generationId: "", runId: row.runId }] };
    const holder = await keepOpen(pair.store, (transaction) => loadKeys(transaction, byId));
    const waiting = pair.store.transact((transaction) => loadKeys(transaction, byRun));
    const changed = { ...row, state: "RUNNING" as const };
    await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedGenerations: [changed] }));
    expect((await waiting).generations).toEqual([changed]);
  });

  it("read a generation again that another commits while they are reading it", async () => {
    for (let headStart = 0; headStart < 12; headStart++) {
      const row = generationRow();
      await save(pair.store, { openedGenerations: [row] });
      const ref = { generations: [{ generationId: row.generationId, runId: "" }] };
      const holder = await keepOpen(pair.store, (transaction) => loadKeys(transaction, ref));
      const reading = pair.store.transact((transaction) => loadKeys(transaction, ref));
      for (let step = 0; step < headStart; step++) await Promise.resolve();
      const changed = { ...row, state: "RUNNING" as const };
      await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedGenerations: [changed] }, true));
      expect((await reading).generations).toEqual([changed]);
    }
  });

  it("see nothing that another has saved and not committed, nor what it takes back", async () => {
    const { ann, ben } = await twoAccounts();
    const opened = accountRow(fresh("eve"));
    const holder = await keepOpen(pair.store, async (transaction) => {
      await transaction.loadAccounts([ann.accountId]);
      await transaction.save({ ...NO_CHANGES, openedAccounts: [opened] });
    });
    const look = pair.store.transact((transaction) => transaction.loadAccounts([ben.accountId, opened.accountId]));
    await expect(holder.commit(() => Promise.reject(new Error("no, after all")))).rejects.toThrow("no, after all");
    expect(await look).toEqual([ben]);
  });

  it("keep what they have read although another of them fails", async () => {
    const { ann, ben } = await twoAccounts();
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    await expect(save(pair.store, { openedAccounts: [ben] })).rejects.toMatchObject(CONFLICT);
    const changed = { ...ann, balanceUsdMicros: 7n };
    await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedAccounts: [changed] }, true));
    expect(await pair.other.accounts([ann.accountId, ben.accountId])).toEqual(expect.arrayContaining([changed, ben]));
  });

  it("release what they have locked, however they end", async () => {
    const { ann, ben } = await twoAccounts();
    const load = (accountId: string) =>
      pair.store.transact((transaction) => transaction.loadAccounts([accountId]).then(([account]) => account));
    const failing = pair.store.transact(async (transaction) => {
      await transaction.loadAccounts([ann.accountId]);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await load(ann.accountId)).toEqual(ann);
    // One that has gone by the time the row is its own has no use for it.
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    const impatient = pair.store.transact(async (transaction) => {
      await transaction.loadAccounts([ben.accountId]);
      void transaction.loadAccounts([ann.accountId]).catch(() => {});
      throw new Error("not waiting");
    });
    // Postgres' rollback waits behind the statement.
    const ends = Promise.allSettled([impatient]);
    if (backend === "sqlite") await ends;
    await holder.commit();
    expect(await ends).toMatchObject([{ reason: { message: "not waiting" } }]);
    for (const account of [ann, ben]) expect(await load(account.accountId)).toEqual(account);
    await save(pair.other, { changedAccounts: [ann] });
  });

  it("take back what they have saved although they end while later calls still wait for a lock", async () => {
    const { ann } = await twoAccounts();
    const opened = accountRow(fresh("eve"));
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    const hasty = pair.store.transact(async (transaction) => {
      await transaction.save({ ...NO_CHANGES, openedAccounts: [opened] });
      for (const late of [
        transaction.loadAccounts([ann.accountId]),
        transaction.save({ ...NO_CHANGES, changedAccounts: [ann] }),
      ]) {
        late.catch(() => {});
      }
      throw new Error("not waiting");
    });
    const ends = Promise.allSettled([hasty]);
    if (backend === "sqlite") await ends;
    await holder.commit();
    expect(await ends).toMatchObject([{ reason: { message: "not waiting" } }]);
    await save(pair.store, { changedAccounts: [ann] });
    expect(await pair.other.accounts([opened.accountId])).toEqual([]);
  });

  it("leave the database free for others when all have ended, also those that have only read", async () => {
    const { ann, ben } = await twoAccounts();
    const holders = await Promise.all(
      [ann, ben].map(({ accountId }) => keepOpen(pair.store, (transaction) => transaction.loadAccounts([accountId]))),
    );
    for (const holder of holders) await holder.commit();
    await save(pair.other, { changedAccounts: [ann, ben] });
  });

  it("let other writes of their store come to their turn, although there is always one under way", async () => {
    const { ann, ben } = await twoAccounts();
    let isDone = false;
    const keepGoing = async (accountId: string) => {
      while (!isDone) {
        await pair.store.transact(async (transaction) => {
          await transaction.loadAccounts([accountId]);
          await transaction.loadRequests([]);
        });
      }
    };
    const busy = [keepGoing(ann.accountId), keepGoing(ben.accountId)];
    await pair.store.storedSecret();
    isDone = true;
    await Promise.all(busy);
  });

  if (backend === "sqlite") {
    it("fail as a CONFLICT if another process has written the file between their loads and their save", async () => {
      const { ann, ben } = await twoAccounts();
      const first = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
      const second = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ben.accountId]));
      await first.commit((transaction) => transaction.save({ ...NO_CHANGES, changedAccounts: [ann] }, true));
      // The file is free now, until the second one saves.
      await save(pair.other, { changedAccounts: [{ ...ben, balanceUsdMicros: 5n }] });
      const end = second.commit((transaction) =>
        transaction.save({ ...NO_CHANGES, changedAccounts: [{ ...ben, balanceUsdMicros: 1n }] }, true),
      );
      await expect(end).rejects.toMatchObject(CONFLICT);
      expect(await pair.store.accounts([ben.accountId])).toMatchObject([{ balanceUsdMicros: 5n }]);
      await save(pair.store, { changedAccounts: [ben] });
    });
  }

  it("fail as a CONFLICT if they wait for each other", async () => {
    const { ann, ben } = await twoAccounts();
    const one = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ann.accountId]));
    const two = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([ben.accountId]));
    const ends = await Promise.allSettled([
      one.commit(async (transaction) => void (await transaction.loadAccounts([ben.accountId]))),
      two.commit(async (transaction) => void (await transaction.loadAccounts([ann.accountId]))),
    ]);
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatchObject(CONFLICT);
    await save(pair.store, { changedAccounts: [ann, ben] });
  });
});
