import { v7 as uuidv7 } from "uuid";
import { expect, it } from "vitest";
import { describeStores } from "../support/stores.js";
import {
  accountRow,
  entryRow,
  eventRow,
  fullGenerationRow,
  generationRow,
  grantRow,
  holdRow,
  NO_CHANGES,
  NOON,
  rewardRow,
  transactionRow,
} from "./rows.js";
import { ALWAYS, fresh, ids, keepOpen, openedPair, save } from "./support.js";

describeStores("reads", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("finds accounts by stored id and leaves unknown ones out", async () => {
    const accounts = [accountRow(fresh("ann")), accountRow(fresh("sys:revenue#03"), { balanceUsdMicros: -5n })];
    await save(pair.store, { openedAccounts: accounts });
    const found = await pair.store.accounts([fresh("nobody"), ...accounts.map((account) => account.accountId)]);
    expect(new Set(found)).toEqual(new Set(accounts));
    expect(await pair.store.accounts([])).toEqual([]);
  });

  it("tells account ids apart that differ in case only", async () => {
    const accountId = fresh("Ann");
    await save(pair.store, { openedAccounts: [accountRow(accountId)] });
    expect(await pair.store.accounts([accountId.toLowerCase()])).toEqual([]);
  });

  it("finds the grant that a transaction opened in an account, and no other", async () => {
    const [ann, ben] = [fresh("ann"), fresh("ben")];
    const transactionId = uuidv7();
    const grants = [grantRow(ann, { transactionId }), grantRow(ben, { transactionId }), grantRow(ann)];
    await save(pair.store, { openedGrants: grants });
    expect(await pair.store.grantOpenedBy(transactionId, ann)).toEqual(grants[0]);
    expect(await pair.store.grantOpenedBy(transactionId, ben)).toEqual(grants[1]);
    expect(await pair.store.grantOpenedBy(transactionId, fresh("cyd"))).toBeUndefined();
    expect(await pair.store.grantOpenedBy(uuidv7(), ann)).toBeUndefined();
  });

  it("finds a transaction with its entries by position", async () => {
    const transaction = transactionRow({ metadata: { a: "1" } });
    const { transactionId } = transaction;
    const entries = [0, 1, 2, 10].map((position) => entryRow(fresh("ann"), 1n, { transactionId, position }));
    await save(pair.store, { transactions: [transaction], entries: entries.toReversed() });
    expect(await pair.store.transaction(transactionId)).toEqual({ transaction, entries });
    expect(await pair.store.transaction(uuidv7())).toBeUndefined();
  });

  it("finds a generation by id, or all those with a run id, one for each provider", async () => {
    const runId = fresh("run");
    const generations = [
      fullGenerationRow({ runId, provider: "comfydeploy" }),
      fullGenerationRow({ runId, provider: "replicate" }),
      generationRow(),
    ] as const;
    await save(pair.store, { openedGenerations: generations });
    const [first, second, third] = generations;
    expect(await pair.store.findGenerations({ generationId: third.generationId, runId: "" })).toEqual([third]);
    const found = await pair.store.findGenerations({ generationId: "", runId });
    expect(new Set(found)).toEqual(new Set([first, second]));
    expect(await pair.store.findGenerations({ generationId: uuidv7(), runId: "" })).toEqual([]);
    expect(await pair.store.findGenerations({ generationId: "", runId: fresh("run") })).toEqual([]);
  });

  it("finds no generation where neither of its names is known", async () => {
    await save(pair.store, { openedGenerations: [generationRow({ runId: "" })] });
    expect(await pair.store.findGenerations({ generationId: "", runId: "" })).toEqual([]);
  });

  it("gives each of a crowd what it asked for, however many ask for the same and whatever is unknown", async () => {
    const crowd = 200;
    const runId = fresh("run");
    const generations = [
      ...Array.from({ length: crowd }, () => generationRow({ runId: fresh("run") })),
      generationRow({ runId, provider: "comfydeploy" }),
      generationRow({ runId, provider: "replicate" }),
    ];
    const transactions = Array.from({ length: crowd }, () => transactionRow());
    const entries = transactions.flatMap(({ transactionId }) =>
      [0, 1].map((position) => entryRow(fresh("ann"), 1n, { transactionId, position })),
    );
    const holds = Array.from({ length: crowd }, () => holdRow(fresh("ann")));
    await save(pair.store, { openedGenerations: generations, transactions, entries, openedHolds: holds });
    const [first] = generations;
    const asked = [...generations, first, undefined, "no-uuid"].map((each) =>
      typeof each === "string" ? each : (each?.generationId ?? uuidv7()),
    );
    const byId = asked.map((generationId) => pair.store.findGenerations({ generationId, runId: "" }));
    const byRun = [...generations.slice(0, crowd).map((each) => each.runId), runId, fresh("run")].map((run) =>
      pair.store.findGenerations({ generationId: "", runId: run }),
    );
    const ofTransactions = [...transactions, transactionRow()].map(({ transactionId }) =>
      pair.store.transaction(transactionId),
    );
    const ofHolds = [...holds, holdRow("ann")].map(({ holdId }) => pair.store.hold(holdId));
    expect(await Promise.all(byId)).toEqual([...generations.map((each) => [each]), [first], [], []]);
    const runs = await Promise.all(byRun);
    expect(runs.slice(0, crowd)).toEqual(generations.slice(0, crowd).map((each) => [each]));
    expect(new Set(runs[crowd])).toEqual(new Set(generations.slice(crowd)));
    expect(runs[crowd + 1]).toEqual([]);
    expect(await Promise.all(ofTransactions)).toEqual([
      ...transactions.map((transaction, index) => ({ transaction, entries: entries.slice(2 * index, 2 * index + 2) })),
      undefined,
    ]);
    expect(await Promise.all(ofHolds)).toEqual([...holds, undefined]);
  });

  it("reads the events of a generation, oldest first", async () => {
    const [generationId = "", otherId = ""] = ids(2);
    const events = ["b", "c", "a"].map((key, index) =>
      eventRow(generationId, key, { createTime: NOON + BigInt(index), details: { key } }),
    );
    await save(pair.store, { events: [...events.toReversed(), eventRow(otherId, "a")] });
    expect(await pair.store.generationEvents(generationId)).toEqual(events);
    expect(await pair.store.generationEvents(uuidv7())).toEqual([]);
  });

  it.each(["", "no-uuid", "00000000", "'; drop table entries; --"])(
    "finds nothing under the id %j, and doesn't fail",
    async (id) => {
      expect(await pair.store.transaction(id)).toBeUndefined();
      expect(await pair.store.grantOpenedBy(id, "ann")).toBeUndefined();
      expect(await pair.store.findGenerations({ generationId: id, runId: "" })).toEqual([]);
      expect(await pair.store.generationEvents(id)).toEqual([]);
      expect(await pair.store.accounts([id])).toEqual([]);
    },
  );

  it("never waits for the writer, and sees only what is committed", async () => {
    const before = accountRow(fresh("ann"));
    const generation = generationRow({ accountId: before.accountId });
    await save(pair.store, { openedAccounts: [before], openedGenerations: [generation] });
    const after = { ...before, balanceUsdMicros: 2n };
    const transaction = transactionRow();
    const { transactionId } = transaction;
    const { accountId } = before;
    const writer = await keepOpen(pair.store, async (open) => {
      await open.loadAccounts([accountId]);
      await open.save({
        ...NO_CHANGES,
        changedAccounts: [after],
        changedGenerations: [{ ...generation, state: "FAILED" }],
        transactions: [transaction],
        entries: [entryRow(accountId, 1n, { transactionId })],
        rewards: [rewardRow(accountId, { transactionId })],
        events: [eventRow(generation.generationId, "final")],
      });
    });
    const transactions = { types: [], toolId: "", generationId: "", externalReference: "", ...ALWAYS };
    const rewards = { accountId, assetId: "", role: undefined, ...ALWAYS };
    for (const store of [pair.store, pair.other]) {
      expect(await store.accounts([accountId])).toEqual([before]);
      expect(await store.transaction(transactionId)).toBeUndefined();
      expect((await store.listTransactions([accountId], transactions, undefined, 10)).rows).toEqual([]);
      expect(await store.findGenerations({ generationId: generation.generationId, runId: "" })).toEqual([generation]);
      expect((await store.listRewards(rewards, undefined, 10)).rows).toEqual([]);
      expect(await store.earnings({ accountId, ...ALWAYS }, "DAY", true, 10)).toEqual([]);
      expect((await store.listAssetUsage(accountId, undefined, 10)).rows).toEqual([]);
      expect(await store.generationEvents(generation.generationId)).toEqual([]);
      await store.ping();
    }
    await writer.commit();
    for (const store of [pair.store, pair.other]) {
      expect(await store.accounts([accountId])).toEqual([after]);
      expect((await store.listTransactions([accountId], transactions, undefined, 10)).rows).toHaveLength(1);
    }
  });
});
