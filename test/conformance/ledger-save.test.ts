import createKnex, { type Knex } from "knex";
import { v7 as uuidv7 } from "uuid";
import { expect, it, vi } from "vitest";
import { dayOf } from "../../src/domain/earnings.js";
import { KnownUsers } from "../../src/storage/asset-rollup.js";
import { KnownGrants } from "../../src/storage/known-grants.js";
import { PipelinedTransaction } from "../../src/storage/postgres/pipelined-transaction.js";
import { PostgresLedgerTransaction } from "../../src/storage/postgres/postgres-ledger.js";
import { SqliteLedgerTransaction } from "../../src/storage/sqlite/sqlite-ledger.js";
import { connectThread } from "../../src/storage/sqlite/thread-client.js";
import { ThreadTransaction } from "../../src/storage/sqlite/thread-transaction.js";
import { WriteSessions } from "../../src/storage/sqlite/write-session.js";
import type { BatchChanges, LedgerTransaction } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import {
  accountRow,
  clawbackRow,
  entryRow,
  eventRow,
  fullGenerationRow,
  generationRow,
  grantRow,
  holdRow,
  NOON,
  requestRow,
  rewardPolicyRow,
  rewardRow,
  transactionRow,
} from "./rows.js";
import { ALWAYS, fresh, loadKeys, openedPair, save } from "./support.js";

/** Something new in every table, of accounts that no other case uses. */
function somethingOfEverything() {
  const account = accountRow(fresh("ann"), {
    heldUsdMicros: 5n,
    promotionalUsdMicros: 4n,
    nextExpiryTime: NOON + 7n,
  });
  const { accountId } = account;
  const transaction = transactionRow({
    type: "GENERATION_SETTLEMENT",
    toolId: "flux",
    generationId: uuidv7(),
    externalReference: fresh("stripe"),
    refundOfTransactionId: uuidv7(),
    refundedUsdMicros: 9n,
    description: "one run",
    metadata: { team: "red" },
  });
  const { transactionId, generationId } = transaction;
  const grant = grantRow(accountId, {
    transactionId,
    category: "PROMOTIONAL",
    isRolling: true,
    expireTime: NOON + 7n,
    accountVersion: 3n,
  });
  return {
    request: requestRow(),
    generation: fullGenerationRow({ generationId, transactionId }),
    account,
    grant,
    transaction,
    entry: entryRow(accountId, 1n, { transactionId, grantMovements: [[grant.grantId, 1n]] }),
    reward: rewardRow(accountId, {
      transactionId,
      generationId,
      position: 2,
      refundedUsdMicros: 2n,
      clawedBackUsdMicros: 1n,
    }),
    clawback: clawbackRow(accountId, { transactionId, position: 2, role: "SPELL_CREATOR", assetId: "spell-1" }),
    hold: holdRow(accountId, { generationId, state: "CAPTURED", capturedUsdMicros: 3n, description: "one run" }),
    event: eventRow(generationId, "final", { details: { shortfall_usd_micros: "20" } }),
    rewardPolicy: rewardPolicyRow({ effectiveTime: NOON + 5n }),
  };
}

function changesOf(all: readonly ReturnType<typeof somethingOfEverything>[]): BatchChanges {
  return {
    requests: all.map((one) => one.request),
    openedGenerations: all.map((one) => one.generation),
    changedGenerations: [],
    openedAccounts: all.map((one) => one.account),
    changedAccounts: [],
    openedGrants: all.map((one) => one.grant),
    changedGrants: [],
    openedHolds: all.map((one) => one.hold),
    changedHolds: [],
    transactions: all.map((one) => one.transaction),
    changedTransactions: [],
    entries: all.map((one) => one.entry),
    rewards: all.map((one) => one.reward),
    changedRewards: [],
    clawbacks: all.map((one) => one.clawback),
    events: all.map((one) => one.event),
    rewardPolicies: all.map((one) => one.rewardPolicy),
  };
}

describeStores("save", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it("writes a row into every table, each column as it is", async () => {
    const all = somethingOfEverything();
    await save(pair.store, changesOf([all]));
    const { other } = pair;
    const [{ externalReferences }, { requests }] = await other.transact(async (transaction) => [
      await loadKeys(transaction, { externalReferences: [all.transaction.externalReference] }),
      await transaction.loadRequests([all.request]),
    ]);
    expect(requests).toEqual([all.request]);
    expect(externalReferences.map((used) => used.transactionId)).toEqual([all.transaction.transactionId]);
    expect(await other.accounts([all.account.accountId])).toEqual([all.account]);
    expect(await other.grantOpenedBy(all.grant.transactionId, all.account.accountId)).toEqual(all.grant);
    expect(await other.transaction(all.transaction.transactionId)).toEqual({
      transaction: all.transaction,
      entries: [all.entry],
    });
    expect(await other.findGenerations({ generationId: all.generation.generationId, runId: "" })).toEqual([
      all.generation,
    ]);
    const rewards = { accountId: all.account.accountId, assetId: "", role: undefined, ...ALWAYS };
    expect((await other.listRewards(rewards, undefined, 10)).rows).toEqual([all.reward]);
    expect(await other.generationEvents(all.event.generationId)).toEqual([all.event]);
    expect(await other.hold(all.hold.holdId)).toEqual(all.hold);
    expect(await other.rewardPolicy(all.rewardPolicy.policyId)).toEqual(all.rewardPolicy);
    const { accountId, assetId, role, amountUsdMicros } = all.clawback;
    expect(await other.earnings({ accountId, ...ALWAYS }, "DAY", true, 10)).toContainEqual({
      ...{ firstDay: dayOf(NOON), asset: { assetId, role } },
      ...{ earnedUsdMicros: 0n, clawedBackUsdMicros: amountUsdMicros, uses: 0n },
    });
    expect((await other.listAssetUsage(accountId, undefined, 10)).rows).toContainEqual({
      ...{ assetId: all.reward.assetId, role: all.reward.role, uses: 1n, distinctUsers: 1n },
      ...{ earnedUsdMicros: all.reward.amountUsdMicros, lastUsedTime: all.reward.createTime },
    });
  });

  it("changes what was opened before, and leaves its neighbours alone", async () => {
    const [all, neighbour] = [somethingOfEverything(), somethingOfEverything()];
    await save(pair.store, changesOf([all, neighbour]));
    const account = {
      ...all.account,
      balanceUsdMicros: 2n,
      heldUsdMicros: 1n,
      version: 2n,
      updateTime: NOON + 5n,
      nextExpiryTime: null,
    };
    const grant = { ...all.grant, issuedUsdMicros: 300n, remainingUsdMicros: 0n };
    const hold = { ...all.hold, state: "RELEASED", capturedUsdMicros: 0n } as const;
    const transaction = { ...all.transaction, refundedUsdMicros: 11n };
    const reward = { ...all.reward, refundedUsdMicros: 4n, clawedBackUsdMicros: 3n };
    const generation = generationRow({
      ...all.generation,
      state: "FAILED",
      runId: fresh("run"),
      baseCostUsdMicros: null,
      transactionId: "",
      outcome: null,
      updateTime: NOON + 5n,
    });
    await save(pair.store, {
      changedAccounts: [account],
      changedGrants: [grant],
      changedGenerations: [generation],
      changedHolds: [hold],
      changedTransactions: [transaction],
      changedRewards: [reward],
    });
    const read = async ({
      account: { accountId },
      grant: { transactionId },
      generation: { generationId },
      hold: { holdId },
      transaction: { transactionId: settlementId },
    }: typeof all) => [
      await pair.store.accounts([accountId]),
      await pair.store.grantOpenedBy(transactionId, accountId),
      await pair.store.findGenerations({ generationId, runId: "" }),
      await pair.store.hold(holdId),
      (await pair.store.transaction(settlementId))?.transaction,
      (await pair.store.listRewards({ accountId, assetId: "", role: undefined, ...ALWAYS }, undefined, 10)).rows,
    ];
    expect(await read(all)).toEqual([[account], grant, [generation], hold, transaction, [reward]]);
    expect(await read(neighbour)).toEqual([
      ...[[neighbour.account], neighbour.grant, [neighbour.generation], neighbour.hold],
      ...[neighbour.transaction, [neighbour.reward]],
    ]);
  });

  it("writes nothing where nothing has changed", async () => {
    await expect(save(pair.store, {})).resolves.toBeUndefined();
  });

  it("takes as many statements for 300 rows of each kind as for one, and not more than one a table and kind of change", async () => {
    const url = pair.database.url;
    const knex =
      backend === "sqlite"
        ? connectThread(url.slice("sqlite:".length), [])
        : createKnex({
            client: "pg",
            connection: { connectionString: url, pipeline: true } as Knex.PgConnectionConfig,
            pool: { min: 0, max: 1 },
          });
    const nothingKnown = () => ({
      users: new KnownUsers().inTransaction(),
      grants: new KnownGrants().inTransaction(),
    });
    const saveRows = (ledger: LedgerTransaction, rows: number): Promise<void> => {
      const all = Array.from({ length: rows }, somethingOfEverything);
      return ledger.save({
        ...changesOf(all),
        changedAccounts: all.map((one) => one.account),
        changedGrants: all.map((one) => one.grant),
        changedGenerations: all.map((one) => one.generation),
        changedHolds: all.map((one) => one.hold),
        changedTransactions: all.map((one) => one.transaction),
        changedRewards: all.map((one) => one.reward),
      });
    };
    const statementsOnSqlite = (rows: number): Promise<number> =>
      ThreadTransaction.run(new WriteSessions(knex), async (transaction) => {
        const write = vi.spyOn(transaction, "write");
        await saveRows(new SqliteLedgerTransaction(transaction, NOON, nothingKnown()), rows);
        return write.mock.calls.flatMap(([statements]) => statements).length;
      });
    const statementsOnPostgres = (rows: number): Promise<number> =>
      PipelinedTransaction.run(knex, async (transaction) => {
        const query = vi.spyOn(transaction, "query");
        await saveRows(new PostgresLedgerTransaction(transaction, nothingKnown()), rows);
        return query.mock.calls.length;
      });
    const statementsFor = backend === "sqlite" ? statementsOnSqlite : statementsOnPostgres;
    try {
      const statements = await statementsFor(1);
      expect(statements).toBeGreaterThan(0);
      // Exception of SQLite: whether grants are open is a statement of its own.
      expect(statements).toBeLessThanOrEqual(backend === "sqlite" ? 20 : 19);
      expect(await statementsFor(300)).toBe(statements);
    } finally {
      await knex.destroy();
    }
  });
});
