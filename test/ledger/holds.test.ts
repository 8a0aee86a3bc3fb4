import { v7 as uuidv7 } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { Store } from "../../src/storage/store.js";
import {
  captureOf,
  completionOf,
  creditOf,
  debitOf,
  generationOf,
  holdOf,
  RUN_TOOL,
  refundOf,
  releaseOf,
  transferOf,
} from "../support/commands.js";
import { describeStores, type TestDatabase } from "../support/stores.js";

describeStores("holds, refunds and grants", (makeDatabase) => {
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

  const account = async (accountId: string) => (await store.accounts([accountId]))[0];

  it("grants 20 concurrent holds of 75 on 500 exactly 6 times", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 500n }));
    const holds = Array.from({ length: 20 }, () => writer.submit(holdOf({ accountId: "alice", amountUsdMicros: 75n })));
    const results = await Promise.allSettled(holds);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(6);
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 500n, heldUsdMicros: 450n });
  });

  it("captures a hold once out of 100 concurrent captures and lets go of the rest of it", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 500n }));
    const held = await writer.submit(holdOf({ accountId: "alice", amountUsdMicros: 100n }));
    const { holdId } = held.kind === "done" ? held.hold : { holdId: "" };
    const captures = Array.from({ length: 100 }, () => writer.submit(captureOf({ holdId, amountUsdMicros: 60n })));
    const results = await Promise.allSettled(captures);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 440n, heldUsdMicros: 0n });
    await expect(writer.submit(releaseOf(holdId))).rejects.toMatchObject({ reason: "HOLD_NOT_ACTIVE" });
  });

  it("stops counting a hold the moment it expires, swept or not", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 100n }));
    await writer.submit(holdOf({ accountId: "alice", amountUsdMicros: 100n, ttlMicros: 30_000n }));
    await expect(writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 1n }))).rejects.toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 100n }));
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 0n, heldUsdMicros: 0n, nextExpiryTime: null });
  });

  it("takes a settlement from its hold first and lets go of it with the generation", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 1_000_000n }));
    const generationId = uuidv7();
    const created = await writer.submit(generationOf({ accountId: "alice", generationId, placesHold: true }));
    expect(created).toMatchObject({ kind: "done", hold: { amountUsdMicros: 1_000_000n, state: "ACTIVE" } });
    await expect(writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 1n }))).rejects.toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
    });
    const done = await writer.submit(completionOf(generationId));
    expect(done.generation.state).toBe("COMPLETED");
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 0n, heldUsdMicros: 0n });
  });

  it("creates no generation of a REQUIRE_HOLD tool without its hold", async () => {
    const tool = { ...RUN_TOOL, fundsPolicy: "REQUIRE_HOLD" as const };
    const attempt = writer.submit(generationOf({ accountId: "poor", tool }));
    await expect(attempt).rejects.toMatchObject({ reason: "INSUFFICIENT_FUNDS" });
  });

  it("expires what is available of a grant at its time and the held part when the hold ends", async () => {
    const expireTime = BigInt(Date.now() + 150) * 1_000n;
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 100n, category: "PROMOTIONAL", expireTime }));
    const held = await writer.submit(holdOf({ accountId: "alice", amountUsdMicros: 40n }));
    const { holdId } = held.kind === "done" ? held.hold : { holdId: "" };
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 1n }))).rejects.toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
    });
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 40n, heldUsdMicros: 40n });
    await writer.submit(releaseOf(holdId));
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 0n, heldUsdMicros: 0n, promotionalUsdMicros: 0n });
  });

  it("refunds a settlement pro rata, claws back what creators have, and puts grants back", async () => {
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 2_000_000n }));
    const generationId = uuidv7();
    await writer.submit(
      generationOf({
        accountId: "alice",
        generationId,
        attribution: { loras: [{ loraId: "x", ownerAccountId: "anna" }] },
      }),
    );
    const { generation } = await writer.submit(completionOf(generationId));
    await writer.submit(transferOf({ fromAccountId: "anna", toAccountId: "ben", amountUsdMicros: 40_000n }));
    const refundedTransactionId = generation.transactionId;
    await writer.submit(refundOf({ refundedTransactionId, amountUsdMicros: 525_000n }));
    expect(await account("anna")).toMatchObject({ balanceUsdMicros: 0n });
    await writer.submit(refundOf({ refundedTransactionId }));
    expect(await account("alice")).toMatchObject({ balanceUsdMicros: 2_000_000n });
    await expect(writer.submit(refundOf({ refundedTransactionId }))).rejects.toMatchObject({
      reason: "REFUND_EXCEEDS_TRANSACTION",
    });
    const read = await store.transaction(refundedTransactionId);
    expect(read?.transaction.refundedUsdMicros).toBe(1_050_000n);
    const grants = await store.listGrants("alice", true, undefined, 10);
    expect(grants.rows.map((grant) => grant.remainingUsdMicros)).toEqual([2_000_000n]);
  });
});
