import { expect, it } from "vitest";
import { StoreError } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, firstPostings, generationRow, grantRow, NO_CHANGES } from "./rows.js";
import { fresh, ids, keepOpen, loadKeys, openedPair, save, untilBlocked } from "./support.js";

/*
 * Exception of SQLite: a file has one writer, so a transaction waits for the other one as a whole, and there is no order of locks to get wrong. What
 * a transaction may see is the same.
 */
describeStores("locks across two stores on one database", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it("waits for a generation that another transaction holds and reads it as that one left it", async () => {
    const row = generationRow({ runId: fresh("run") });
    await save(pair.store, { openedGenerations: [row] });
    const refs = [
      { generationId: row.generationId, runId: "" },
      { generationId: "", runId: row.runId },
    ];
    for (const [index, ref] of refs.entries()) {
      const holder = await keepOpen(pair.store, (transaction) => loadKeys(transaction, { generations: [ref] }));
      const waiting = pair.other.transact((transaction) => loadKeys(transaction, { generations: [ref] }));
      await untilBlocked(pair.database);
      const changed = { ...row, state: "RUNNING" as const, liveStatus: `step ${index}` };
      await holder.commit((transaction) => transaction.save({ ...NO_CHANGES, changedGenerations: [changed] }));
      expect((await waiting).generations).toEqual([changed]);
    }
  });

  it("waits for an account that another transaction holds and reads it, and its grants, as that one left them", async () => {
    const account = accountRow(fresh("ann"));
    const grant = grantRow(account.accountId);
    await save(pair.store, { openedAccounts: [account], openedGrants: [grant] });
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([account.accountId]));
    const waiting = pair.other.transact(async (transaction) => ({
      accounts: await transaction.loadAccounts([account.accountId]),
      grants: await transaction.loadGrants([account.accountId], 10),
    }));
    await untilBlocked(pair.database);
    const changed = { ...account, balanceUsdMicros: 7n, version: 2n };
    const spent = { ...grant, remainingUsdMicros: 0n };
    const opened = grantRow(account.accountId, { issuedUsdMicros: 7n, remainingUsdMicros: 7n });
    await holder.commit((transaction) =>
      transaction.save({
        ...NO_CHANGES,
        changedAccounts: [changed],
        changedGrants: [spent],
        openedGrants: [opened],
      }),
    );
    expect(await waiting).toEqual({ accounts: [changed], grants: [opened] });
  });

  it("reads what a transaction left that was rolled back as if it had never been", async () => {
    const account = accountRow(fresh("ann"));
    await save(pair.store, { openedAccounts: [account] });
    const holder = await keepOpen(pair.store, async (transaction) => {
      await transaction.loadAccounts([account.accountId]);
      await transaction.save({ ...NO_CHANGES, changedAccounts: [{ ...account, balanceUsdMicros: 7n }] });
    });
    const waiting = pair.other.transact((transaction) => transaction.loadAccounts([account.accountId]));
    await untilBlocked(pair.database);
    const end = holder.commit(() => Promise.reject(new Error("no, after all")));
    await expect(end).rejects.toThrow("no, after all");
    expect(await waiting).toEqual([account]);
  });

  it("locks accounts in order of account_id, so that two transactions that name them in another order don't deadlock", async () => {
    const [first = "", second = ""] = [fresh("a"), fresh("b")];
    // Opened the other way round, so that the order they are stored in isn't the order of their ids.
    for (const accountId of [second, first]) await save(pair.store, { openedAccounts: [accountRow(accountId)] });
    const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([second]));
    // Has locked the first and waits for the second, although it named the second first...
    const both = pair.other.transact((transaction) => transaction.loadAccounts([second, first]));
    await untilBlocked(pair.database, 1);
    // ...so whoever wants the first only has to wait as well.
    const alone = pair.store.transact((transaction) => transaction.loadAccounts([first]));
    await untilBlocked(pair.database, 2);
    await holder.commit();
    expect((await both).map((account) => account.accountId)).toEqual([first, second]);
    expect((await alone).map((account) => account.accountId)).toEqual([first]);
  });

  it("locks generations in order of generation_id, whichever of their names is given", async () => {
    const [first = "", second = ""] = ids(2);
    const runId = fresh("run");
    for (const row of [generationRow({ generationId: second, runId }), generationRow({ generationId: first })]) {
      await save(pair.store, { openedGenerations: [row] });
    }
    const byRun = { generations: [{ generationId: "", runId }] };
    const byId = { generations: [{ generationId: first, runId: "" }] };
    const both = { generations: [...byRun.generations, ...byId.generations] };
    const holder = await keepOpen(pair.store, (transaction) => loadKeys(transaction, byRun));
    const waiting = pair.other.transact((transaction) => loadKeys(transaction, both));
    await untilBlocked(pair.database, 1);
    const alone = pair.store.transact((transaction) => loadKeys(transaction, byId));
    await untilBlocked(pair.database, 2);
    await holder.commit();
    expect((await waiting).generations.map((generation) => generation.generationId)).toEqual([first, second]);
    expect((await alone).generations.map((generation) => generation.generationId)).toEqual([first]);
  });

  it("fails one of two transactions that wait for each other as a CONFLICT", async () => {
    const accountIds = [fresh("a"), fresh("b")] as const;
    await save(pair.store, { openedAccounts: accountIds.map((accountId) => accountRow(accountId)) });
    const [first, second] = accountIds;
    if (backend === "sqlite") {
      // Exception: they can't, because the second begins only when the first has ended. The one that waits for too long fails the same way.
      const holder = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([first]));
      const waiting = pair.other.transact((transaction) => transaction.loadAccounts([second]));
      await expect(waiting).rejects.toMatchObject({ name: "StoreError", kind: "CONFLICT" });
      return holder.commit();
    }
    const one = await keepOpen(pair.store, (transaction) => transaction.loadAccounts([first]));
    const two = await keepOpen(pair.other, (transaction) => transaction.loadAccounts([second]));
    const ends = await Promise.allSettled([
      one.commit(async (transaction) => void (await transaction.loadAccounts([second]))),
      two.commit(async (transaction) => void (await transaction.loadAccounts([first]))),
    ]);
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(StoreError);
    expect(failures[0]).toMatchObject({ kind: "CONFLICT" });
  });

  it("lets two stores that open the same rows in another order meet without a deadlock", async () => {
    const accountIds = [fresh("a"), fresh("m"), fresh("z")] as const;
    const opening = (order: readonly string[]) => ({
      ...NO_CHANGES,
      openedAccounts: order.map((accountId) => accountRow(accountId)),
      ...firstPostings(order),
    });
    // Both come as far as the one in the middle, so that each has opened what the other opens next if their orders differ.
    const holder = await keepOpen(pair.store, (transaction) => transaction.save(opening([accountIds[1]])));
    const both = [save(pair.store, opening(accountIds)), save(pair.other, opening(accountIds.toReversed()))];
    const ends = Promise.allSettled(both);
    await untilBlocked(pair.database, 2);
    await expect(holder.commit(() => Promise.reject(new Error("not in the middle")))).rejects.toThrow();
    const failures = (await ends).flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    expect(failures).toHaveLength(1);
    // A unique violation, which the loser meets at once; a deadlock would hold up both for a second first.
    expect(failures[0]).toMatchObject({ kind: "CONFLICT", message: expect.stringMatching(/23505|CONSTRAINT/) });
  });
});
