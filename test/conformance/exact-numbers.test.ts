import { expect, it } from "vitest";
import type { Store } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import {
  accountRow,
  chainedOf,
  entryRow,
  eventRow,
  fullGenerationRow,
  generationRow,
  grantRow,
  rewardRow,
  toolRow,
  transactionRow,
} from "./rows.js";
import { ALWAYS, fresh, loadKeys, openedPair, save } from "./support.js";

/** Where a float, or an integer of 53 bits, would show. */
const AMOUNTS = [
  0n,
  1n,
  -1n,
  2n ** 53n - 1n,
  -(2n ** 53n - 1n),
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  1_234_567_890_123_456_789n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

/** The fields of rows of one table, read in every way there is. */
async function accountIn(store: Store, accountId: string) {
  return [
    ...(await store.accounts([accountId])),
    ...(await store.transact((transaction) => transaction.loadAccounts([accountId]))),
    ...(await store.snapshot((view) => view.accountsAfter(accountId.slice(0, -1), 1))),
  ];
}

async function generationIn(store: Store, generationId: string, accountId: string) {
  const ref = { generationId, runId: "" };
  const filter = { accountId, states: [], toolId: "", spellId: "", castId: "", ...ALWAYS };
  return [
    ...(await store.findGenerations(ref)),
    ...(await store.listGenerations(filter, undefined, 10)).rows,
    ...(await store.transact((transaction) => loadKeys(transaction, { generations: [ref] }))).generations,
  ];
}

describeStores("an integer of 64 bits", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it.each(AMOUNTS)("is exact in an account, opened and changed: %i", async (amount) => {
    const account = accountRow(fresh("ann"), {
      balanceUsdMicros: amount,
      heldUsdMicros: amount,
      promotionalUsdMicros: amount,
      version: amount,
      createTime: amount,
      updateTime: amount,
    });
    const other = accountRow(fresh("ben"));
    await save(pair.store, { openedAccounts: [account, other] });
    expect(await accountIn(pair.store, account.accountId)).toEqual([account, account, account]);
    const changed = { ...other, balanceUsdMicros: amount, heldUsdMicros: amount, updateTime: amount };
    await save(pair.store, { changedAccounts: [changed] });
    expect(await accountIn(pair.other, other.accountId)).toEqual([changed, changed, changed]);
  });

  it.each(AMOUNTS)("is exact in a grant, opened and changed: %i", async (amount) => {
    const { accountId } = accountRow(fresh("ann"));
    const grant = grantRow(accountId, { isRolling: true, issuedUsdMicros: amount, remainingUsdMicros: amount });
    const changed = { ...grant, issuedUsdMicros: amount / 2n, remainingUsdMicros: amount };
    const read = async () => [
      await pair.store.grantOpenedBy(grant.transactionId, accountId),
      (await pair.store.transact((transaction) => transaction.loadGrants([accountId], 10)))[0],
    ];
    await save(pair.store, { openedGrants: [grant] });
    expect(await read()).toEqual([grant, grant]);
    await save(pair.store, { changedGrants: [changed] });
    expect(await read()).toEqual([changed, changed]);
  });

  it.each(AMOUNTS)("is exact in an entry and in what it did to grants: %i", async (amount) => {
    const accountId = fresh("ann");
    const transaction = transactionRow();
    const { transactionId } = transaction;
    const entry = entryRow(accountId, 2n ** 53n + 1n, {
      transactionId,
      amountUsdMicros: amount,
      balanceAfterUsdMicros: amount,
      grantMovements: [[transactionId, amount]],
    });
    await save(pair.store, { transactions: [transaction], entries: [entry] });
    const filter = { types: [], toolId: "", generationId: "", externalReference: "", ...ALWAYS };
    const { rows } = await pair.store.listTransactions([accountId], filter, undefined, 10);
    const after = { accountId, accountVersion: 2n ** 53n };
    const audited = await pair.store.snapshot((view) => view.allEntriesAfter(after, 1));
    expect(await pair.store.transaction(transactionId)).toEqual({ transaction, entries: [entry] });
    expect(rows).toEqual([{ transaction, entries: [entry] }]);
    expect(audited).toEqual([[entry, chainedOf(transaction)]]);
  });

  it.each(AMOUNTS)("is exact in a generation, opened and changed: %i", async (amount) => {
    const accountId = fresh("ann");
    const numbers = { startTime: amount, endTime: amount, baseCostUsdMicros: amount, feeUsdMicros: amount };
    const generation = fullGenerationRow({
      accountId,
      pricing: { unit: "RUN", rateUsd: "1", multiplier: "1", minimumChargeUsdMicros: amount },
      ...numbers,
      updateTime: amount,
    });
    const { generationId } = generation;
    await save(pair.store, { openedGenerations: [generation] });
    expect(await generationIn(pair.store, generationId, accountId)).toEqual([generation, generation, generation]);
    const other = generationRow({ accountId: fresh("ben") });
    await save(pair.store, { openedGenerations: [other] });
    const changed = { ...other, ...numbers, updateTime: amount };
    await save(pair.store, { changedGenerations: [changed] });
    expect(await generationIn(pair.other, other.generationId, other.accountId)).toEqual([changed, changed, changed]);
  });

  it.each(AMOUNTS)("is exact in a reward and in what was earned with it: %i", async (amount) => {
    const accountId = fresh("ann");
    const reward = rewardRow(accountId, { amountUsdMicros: amount, clawedBackUsdMicros: amount });
    await save(pair.store, { rewards: [reward] });
    const filter = { accountId, assetId: "", role: undefined, ...ALWAYS };
    expect((await pair.store.listRewards(filter, undefined, 10)).rows).toEqual([reward]);
    const earned = await pair.store.earnings({ accountId, ...ALWAYS }, "DAY", false, 10);
    expect(earned).toMatchObject([{ earnedUsdMicros: amount, uses: 1n }]);
  });

  it("is exact in the sum of what was earned", async () => {
    const accountId = fresh("ann");
    const rewards = [2n ** 53n - 1n, 2n ** 53n - 1n, 1n].map((amountUsdMicros) =>
      rewardRow(accountId, { amountUsdMicros }),
    );
    await save(pair.store, { rewards });
    const earned = await pair.store.earnings({ accountId, ...ALWAYS }, "DAY", false, 10);
    expect(earned).toMatchObject([{ earnedUsdMicros: 2n ** 54n - 1n, uses: 3n }]);
  });

  it.each(AMOUNTS)("is exact in a tool, and in the time of a transaction and of an event: %i", async (amount) => {
    const tool = toolRow(fresh("flux"), {
      pricing: { unit: "RUN", rateUsd: "1", multiplier: "1", minimumChargeUsdMicros: amount },
    });
    await pair.store.upsertTool(tool);
    expect(await pair.other.tool(tool.toolId)).toMatchObject(tool);
    const transaction = transactionRow({ createTime: amount });
    const event = eventRow(transaction.transactionId, "final", { createTime: amount });
    await save(pair.store, { transactions: [transaction], events: [event] });
    expect(await pair.store.transaction(transaction.transactionId)).toEqual({ transaction, entries: [] });
    expect(await pair.store.generationEvents(event.generationId)).toEqual([event]);
  });

  it.each([0, 1, 0.1, 0.3, 1 / 3, Number.EPSILON])(
    "leaves the one fraction there is as it is: %d",
    async (progress) => {
      const generation = generationRow({ accountId: fresh("ann"), progress });
      await save(pair.store, { openedGenerations: [generation] });
      const changed = { ...generation, progress: progress / 2 };
      expect((await generationIn(pair.store, generation.generationId, generation.accountId))[0]).toEqual(generation);
      await save(pair.store, { changedGenerations: [changed] });
      expect((await generationIn(pair.store, generation.generationId, generation.accountId))[0]).toEqual(changed);
    },
  );
});
