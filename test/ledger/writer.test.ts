import { v7 as uuidv7 } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { Store } from "../../src/storage/store.js";
import { completionOf, creditOf, debitOf, generationOf, request, retryOf } from "../support/commands.js";
import { describeStores, type TestDatabase } from "../support/stores.js";

describeStores("the ledger writer", (makeDatabase) => {
  let database: TestDatabase;
  let store: Store;
  let writer: LedgerWriter;

  beforeEach(async () => {
    database = await makeDatabase();
    store = await database.open();
    writer = new LedgerWriter(store);
  });
  afterEach(async () => {
    await writer.close();
    await database.destroy();
  });

  const balanceOf = async (accountId: string) => (await store.accounts([accountId]))[0]?.balanceUsdMicros;

  it("credits and debits in double entry", async () => {
    const credited = await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 500n }));
    expect(credited).toMatchObject({ kind: "done", account: { balanceUsdMicros: 500n, version: 1n } });
    const debited = await writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 120n }));
    expect(debited).toMatchObject({ kind: "done", account: { balanceUsdMicros: 380n, version: 2n } });
    if (debited.kind !== "done") throw new Error("unreachable");
    const read = await store.transaction(debited.posted.transaction.transactionId);
    expect(read?.entries.map((entry) => entry.amountUsdMicros)).toEqual([-120n, 120n]);
    expect(read?.transaction).toEqual(debited.posted.transaction);
  });

  it("refuses a debit that isn't covered, alone, and leaves no trace of its key", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 100n }));
    const key = request("r-1");
    const results = await Promise.allSettled([
      writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 60n })),
      writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 60n, request: key })),
      writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 40n })),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
      metadata: { available_usd_micros: "40", required_usd_micros: "60", shortfall_usd_micros: "20" },
    });
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 100n }));
    await expect(
      writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 60n, request: key })),
    ).resolves.toMatchObject({ kind: "done" });
  });

  it("settles a generation in one transaction: base to revenue, shares to creators", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 2_000_000n }));
    const generationId = uuidv7();
    await writer.submit(
      generationOf({
        accountId: "alice",
        generationId,
        attribution: { loras: ["a", "b", "c"].map((name) => ({ loraId: `lora-${name}`, ownerAccountId: name })) },
      }),
    );
    const [first, second] = await Promise.all([
      writer.submit(completionOf(generationId)),
      writer.submit(completionOf(generationId)),
    ]);
    expect(first.alreadyFinal).toBe(false);
    expect(second.alreadyFinal).toBe(true);
    expect(await balanceOf("alice")).toBe(950_000n);
    expect([await balanceOf("a"), await balanceOf("b"), await balanceOf("c")]).toEqual([16_667n, 16_667n, 16_666n]);
    expect(first.generation.transactionId).toBe(second.generation.transactionId);
  });

  it("withholds without money, pays on retry", async () => {
    const generationId = uuidv7();
    await writer.submit(generationOf({ accountId: "bob", generationId }));
    const failed = await writer.submit(completionOf(generationId));
    expect(failed.generation).toMatchObject({
      state: "PAYMENT_FAILED",
      stateReason: "INSUFFICIENT_FUNDS",
      baseCostUsdMicros: 1_000_000n,
    });
    await expect(writer.submit(retryOf({ generationId }))).rejects.toMatchObject({ reason: "INSUFFICIENT_FUNDS" });
    await writer.submit(creditOf({ accountId: "bob", amountUsdMicros: 1_000_000n }));
    const paid = await writer.submit(retryOf({ generationId }));
    expect(paid).toMatchObject({ kind: "done", generation: { state: "COMPLETED" } });
    expect(await balanceOf("bob")).toBe(0n);
    expect((await store.generationEvents(generationId)).map((event) => event.type)).toEqual([
      "PAYMENT_FAILED",
      "COMPLETED",
    ]);
  });

  it("reads more grants than it loaded at first when a debit needs them", async () => {
    for (let index = 0; index < 200; index++) {
      void writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 10n }));
    }
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 10n, priority: 1 }));
    const result = await writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 2_001n }));
    if (result.kind !== "done") throw new Error("unreachable");
    expect(result.posted.entries[0]?.grantMovements).toHaveLength(201);
    expect(result.account.balanceUsdMicros).toBe(9n);
  });
});
