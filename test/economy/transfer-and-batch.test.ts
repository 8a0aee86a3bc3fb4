import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import type { BatchPostItemSchema, BatchPostResult } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

type Item = MessageInitShape<typeof BatchPostItemSchema>;

const TABLES = ["accounts", "credit_grants", "transactions", "entries", "requests"];

describe.each(["sqlite", "postgres"] as const)("on %s", (backend) => {
  let app: TestApp;
  let alice: string;
  let bob: string;
  beforeAll(async () => {
    app = await startTestApp(backend);
  });
  beforeEach(async () => {
    [alice, bob] = [someone("alice"), someone("bob")];
    await app.economy.credit(creditOf(alice, 1_000n));
  });
  afterAll(() => app.stop());

  const creditOf = (accountId: string, amountUsdMicros: bigint, requestId: string = randomUUID()) => ({
    requestId,
    accountId,
    amountUsdMicros,
    source: CreditSource.DEPOSIT,
  });
  const debitOf = (accountId: string, amountUsdMicros: bigint, requestId: string = randomUUID()) => ({
    requestId,
    accountId,
    amountUsdMicros,
  });
  const transferOf = (fromAccountId: string, toAccountId: string, amountUsdMicros: bigint) => ({
    requestId: randomUUID(),
    fromAccountId,
    toAccountId,
    amountUsdMicros,
  });
  const credit = (...order: Parameters<typeof creditOf>): Item => ({
    item: { case: "credit", value: creditOf(...order) },
  });
  const debit = (...order: Parameters<typeof debitOf>): Item => ({ item: { case: "debit", value: debitOf(...order) } });
  const transfer = (...order: Parameters<typeof transferOf>): Item => ({
    item: { case: "transfer", value: transferOf(...order) },
  });
  const post = async (items: Item[], atomic = false) => (await app.economy.batchPost({ items, atomic })).results;
  const balanceOf = async (accountId: string): Promise<bigint> => {
    const { balances } = await app.economy.batchGetBalances({ accountIds: [accountId] });
    return balances[0]?.balanceUsdMicros ?? 0n;
  };
  /** Every row of the tables that a posting writes to. */
  const contents = async (): Promise<unknown> => {
    const rows = TABLES.map((table) => app.database.tamper(`select * from ${table} order by 1, 2`));
    return JSON.stringify(await Promise.all(rows), (_, value) => (typeof value === "bigint" ? String(value) : value));
  };

  describe("a transfer", () => {
    it("moves money from one account to another, which it opens, and shows both", async () => {
      const answer = await app.economy.transfer({
        ...transferOf(alice, bob, 300n),
        description: "rent",
        metadata: { month: "march" },
      });
      expect(answer.transaction).toMatchObject({
        type: TransactionType.TRANSFER,
        description: "rent",
        metadata: { month: "march" },
        entries: [
          { accountId: alice, amountUsdMicros: -300n, balanceAfterUsdMicros: 700n, accountVersion: 2n },
          { accountId: bob, amountUsdMicros: 300n, balanceAfterUsdMicros: 300n, accountVersion: 1n },
        ],
      });
      expect(answer.fromBalance).toMatchObject({ accountId: alice, balanceUsdMicros: 700n });
      expect(answer.toBalance).toMatchObject({ accountId: bob, balanceUsdMicros: 300n, promotionalUsdMicros: 0n });
    });

    it("of more than is available is refused with what is missing", async () => {
      expect(await refusalOf(app.economy.transfer(transferOf(alice, bob, 1_001n)))).toMatchObject({
        reason: "INSUFFICIENT_FUNDS",
        metadata: { account_id: alice, available_usd_micros: "1000", shortfall_usd_micros: "1" },
      });
      expect((await refusalOf(app.economy.transfer(transferOf(bob, alice, 1n)))).reason).toBe("INSUFFICIENT_FUNDS");
    });

    it.each([
      ["its own account", () => [alice, alice], ["to_account_id"]],
      ["a platform account", () => [alice, "sys:revenue"], ["to_account_id"]],
      ["no account", () => [alice, ""], ["to_account_id"]],
      ["an account, out of a platform account,", () => ["sys:revenue", alice], ["from_account_id"]],
    ] as const)("to %s is refused", async (_, accounts, expected) => {
      const [from, to] = accounts();
      const { reason, fields } = await refusalOf(app.economy.transfer(transferOf(from as string, to as string, 1n)));
      expect(reason).toBe("INVALID_FIELDS");
      expect(fields).toEqual(expected);
    });

    it("happens once for a repeated request_id, and says so", async () => {
      const order = transferOf(alice, bob, 300n);
      const first = await app.economy.transfer(order);
      let isReplayed: string | null = null;
      const again = await app.economy.transfer(order, {
        onHeader: (headers) => {
          isReplayed = headers.get("idempotent-replayed");
        },
      });
      expect(again).toEqual(first);
      expect(isReplayed).toBe("true");
      const other = { ...order, amountUsdMicros: 301n };
      expect((await refusalOf(app.economy.transfer(other))).reason).toBe("IDEMPOTENCY_KEY_REUSED");
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([700n, 300n]);
    });

    it("there and back, 40 at once, loses nothing", async () => {
      await app.economy.credit(creditOf(bob, 1_000n));
      const orders = Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0 ? transferOf(alice, bob, 7n) : transferOf(bob, alice, 5n),
      );
      await Promise.all(orders.map((order) => app.economy.transfer(order)));
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([960n, 1_040n]);
    });
  });

  describe("a batch", () => {
    it("of 1,000 posts each by itself and answers in order, refused ones in their places", async () => {
      const items = Array.from({ length: 1_000 }, (_, index) =>
        index % 100 === 99 ? debit(bob, 1n) : index % 2 === 0 ? credit(alice, 3n) : debit(alice, 2n),
      );
      const results = await post(items);
      expect(results).toHaveLength(1_000);
      const refused = results.flatMap((result, index) => (result.result.case === "status" ? [index] : []));
      expect(refused).toEqual([99, 199, 299, 399, 499, 599, 699, 799, 899, 999]);
      expect(reasonOf(results[99])).toBe("INSUFFICIENT_FUNDS");
      const amounts = results.map((result) => postedOf(result)?.transaction?.entries[0]?.amountUsdMicros);
      expect(amounts.slice(0, 4)).toEqual([3n, -2n, 3n, -2n]);
      expect(await balanceOf(alice)).toBe(1_000n + 500n * 3n - 490n * 2n);
    });

    it("of 1,001, or of none, is refused as a whole", async () => {
      for (const items of [Array.from({ length: 1_001 }, () => credit(alice, 1n)), []]) {
        expect(await refusalOf(post(items))).toMatchObject({ reason: "INVALID_FIELDS", fields: ["items"] });
      }
      expect(await balanceOf(alice)).toBe(1_000n);
    });

    it("applies its items in order: money credited first can be spent after", async () => {
      const results = await post([credit(bob, 100n), debit(bob, 60n), transfer(bob, alice, 40n), debit(bob, 1n)]);
      expect(results.map((result) => postedOf(result)?.balance?.balanceUsdMicros)).toEqual([100n, 40n, 0n, undefined]);
      expect(reasonOf(results[3])).toBe("INSUFFICIENT_FUNDS");
      expect(await balanceOf(alice)).toBe(1_040n);
    });

    it("shows the payer's balance for a transfer", async () => {
      const [result] = await post([transfer(alice, bob, 400n)]);
      expect(postedOf(result)?.balance).toMatchObject({ accountId: alice, balanceUsdMicros: 600n });
    });

    it("posts a key that it has twice once, and says that the second is a repetition", async () => {
      const requestId = randomUUID();
      const results = await post([debit(alice, 10n, requestId), debit(alice, 10n, requestId)]);
      expect(results.map((result) => postedOf(result)?.replayed)).toEqual([false, true]);
      expect(postedOf(results[1])?.transaction).toEqual(postedOf(results[0])?.transaction);
      expect(await balanceOf(alice)).toBe(990n);
    });

    it("refuses the second of two requests under one key", async () => {
      const requestId = randomUUID();
      const results = await post([
        debit(alice, 10n, requestId),
        debit(alice, 11n, requestId),
        credit(alice, 10n, requestId),
      ]);
      expect(results.map(reasonOf)).toEqual([undefined, "IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_REUSED"]);
      expect(await balanceOf(alice)).toBe(990n);
    });

    it("shares the namespace and the fingerprint of its items with Debit, Credit and Transfer", async () => {
      const [debited, credited, moved] = [debitOf(alice, 10n), creditOf(alice, 20n), transferOf(alice, bob, 30n)];
      const { transaction } = await app.economy.debit(debited);
      const results = await post([
        { item: { case: "debit", value: debited } },
        { item: { case: "credit", value: credited } },
        { item: { case: "transfer", value: moved } },
      ]);
      expect(results.map((result) => postedOf(result)?.replayed)).toEqual([true, false, false]);
      expect(postedOf(results[0])?.transaction).toEqual(transaction);
      expect((await app.economy.credit(credited)).transaction).toEqual(postedOf(results[1])?.transaction);
      expect((await app.economy.transfer(moved)).transaction).toEqual(postedOf(results[2])?.transaction);
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([980n, 30n]);
    });

    it("posted again as a whole posts nothing", async () => {
      const items = [credit(alice, 20n), debit(alice, 10n), transfer(alice, bob, 30n)];
      const first = await post(items);
      const before = await contents();
      const again = await post(items);
      expect(again.map((result) => postedOf(result)?.replayed)).toEqual([true, true, true]);
      expect(again.map((result) => postedOf(result)?.transaction)).toEqual(
        first.map((result) => postedOf(result)?.transaction),
      );
      expect(await contents()).toBe(before);
    });

    it("leaves no trace of the key of a refused item, which may be posted again", async () => {
      const items = [debit(bob, 50n)];
      expect((await post(items)).map(reasonOf)).toEqual(["INSUFFICIENT_FUNDS"]);
      await app.economy.credit(creditOf(bob, 50n));
      expect((await post(items)).map(reasonOf)).toEqual([undefined]);
    });

    it("refuses a malformed item alone, with everything that is wrong with it", async () => {
      const malformed: Item = {
        item: { case: "debit", value: { requestId: "", accountId: "sys:revenue", amountUsdMicros: 0n } },
      };
      const results = await post([debit(alice, 1n), malformed, { item: { case: undefined } }, debit(alice, 2n)]);
      expect(results.map(reasonOf)).toEqual([undefined, "INVALID_FIELDS", "INVALID_FIELDS", undefined]);
      expect(fieldsOf(results[1])).toEqual(["request_id", "account_id", "amount_usd_micros"]);
      expect(fieldsOf(results[2])).toEqual(["item"]);
      expect(await balanceOf(alice)).toBe(997n);
    });

    it("refuses an item above the limit of one operation as the single call does", async () => {
      const [result] = await post([credit(alice, 1_000_000_000_001n)]);
      expect(reasonOf(result)).toBe("AMOUNT_OUT_OF_RANGE");
    });
  });

  describe("an atomic batch", () => {
    it("posts all of its items in order, and later ones see earlier ones", async () => {
      const results = await post([credit(bob, 100n), transfer(bob, alice, 100n), debit(alice, 1_100n)], true);
      expect(results.map((result) => postedOf(result)?.balance?.balanceUsdMicros)).toEqual([100n, 0n, 0n]);
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([0n, 0n]);
    });

    it("posts none if one is refused, says why, and leaves the database as it was", async () => {
      const before = await contents();
      const results = await post([credit(alice, 5n), debit(alice, 1_006n), credit(bob, 5n)], true);
      expect(results.map(codeOf)).toEqual([Code.ABORTED, Code.FAILED_PRECONDITION, Code.ABORTED]);
      expect(reasonOf(results[1])).toBe("INSUFFICIENT_FUNDS");
      expect(await contents()).toBe(before);
    });

    it("that is refused half way leaves its payers what they had, for whoever debits them next", async () => {
      await app.economy.debit(debitOf(alice, 1n));
      for (let round = 0; round < 3; round++) {
        const results = await post([debit(alice, 100n), debit(alice, 1_000n)], true);
        expect(results.map(codeOf)).toEqual([Code.ABORTED, Code.FAILED_PRECONDITION]);
        await app.economy.debit(debitOf(alice, 300n));
      }
      const { creditGrants } = await app.economy.listCreditGrants({ accountId: alice });
      expect(creditGrants.map((grant) => grant.remainingUsdMicros)).toEqual([99n]);
      expect(await balanceOf(alice)).toBe(99n);
    });

    it("posts none if one is malformed, or reuses a key", async () => {
      const used = debitOf(alice, 1n);
      await app.economy.debit(used);
      const before = await contents();
      const reused: Item = { item: { case: "debit", value: { ...used, amountUsdMicros: 2n } } };
      for (const bad of [debit("sys:revenue", 1n), reused]) {
        const results = await post([credit(alice, 5n), bad], true);
        expect(codeOf(results[0])).toBe(Code.ABORTED);
        expect(postedOf(results[1])).toBeUndefined();
      }
      expect(await contents()).toBe(before);
    });

    it("that was refused may be posted again unchanged and succeed", async () => {
      const items = [credit(alice, 5n), debit(bob, 50n)];
      await post(items, true);
      await app.economy.credit(creditOf(bob, 50n));
      expect((await post(items, true)).map((result) => postedOf(result)?.replayed)).toEqual([false, false]);
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([1_005n, 0n]);
    });

    it("posted again posts nothing and answers the same transactions", async () => {
      const items = [credit(alice, 5n), debit(alice, 1_005n)];
      const first = await post(items, true);
      const before = await contents();
      const again = await post(items, true);
      expect(again.map((result) => postedOf(result)?.replayed)).toEqual([true, true]);
      expect(again.map((result) => postedOf(result)?.transaction)).toEqual(
        first.map((result) => postedOf(result)?.transaction),
      );
      expect(await contents()).toBe(before);
    });

    it("takes an item that was posted before by itself for done", async () => {
      const single = debitOf(alice, 10n);
      await app.economy.debit(single);
      const results = await post([{ item: { case: "debit", value: single } }, debit(alice, 20n)], true);
      expect(results.map((result) => postedOf(result)?.replayed)).toEqual([true, false]);
      expect(await balanceOf(alice)).toBe(970n);
    });

    it("posts a key that it has twice once", async () => {
      const requestId = randomUUID();
      const results = await post([debit(alice, 10n, requestId), debit(alice, 10n, requestId)], true);
      expect(results.map((result) => postedOf(result)?.replayed)).toEqual([false, true]);
      expect(await balanceOf(alice)).toBe(990n);
    });

    it("of 1,000 is all or nothing among other calls", async () => {
      const items = Array.from({ length: 999 }, () => debit(alice, 1n));
      const calls = [post([...items, debit(alice, 2n)], true), app.economy.credit(creditOf(bob, 1n))];
      const [results] = (await Promise.all(calls)) as [BatchPostResult[], unknown];
      expect(reasonOf(results[999])).toBe("INSUFFICIENT_FUNDS");
      expect(await balanceOf(alice)).toBe(1_000n);
      await post([...items, debit(alice, 1n)], true);
      expect(await balanceOf(alice)).toBe(0n);
    });

    it("burns more of an account's grants than are read at first, once", async () => {
      await post(Array.from({ length: 100 }, () => credit(bob, 10n)));
      const results = await post([credit(alice, 7n), debit(bob, 1_000n), debit(alice, 7n)], true);
      expect(results.map((result) => postedOf(result)?.replayed)).toEqual([false, false, false]);
      expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([1_000n, 0n]);
    });
  });
});

function postedOf(result: BatchPostResult | undefined) {
  return result?.result.case === "posted" ? result.result.value : undefined;
}

function statusOf(result: BatchPostResult | undefined) {
  return result?.result.case === "status" ? result.result.value : undefined;
}

function codeOf(result: BatchPostResult | undefined): number | undefined {
  return statusOf(result)?.code;
}

function reasonOf(result: BatchPostResult | undefined): string | undefined {
  const infos = statusOf(result)?.details.map((detail) => anyUnpack(detail, ErrorInfoSchema)) ?? [];
  return infos.find((info) => info !== undefined)?.reason;
}

function fieldsOf(result: BatchPostResult | undefined): string[] {
  const details = statusOf(result)?.details.map((detail) => anyUnpack(detail, BadRequestSchema)) ?? [];
  return details.flatMap((detail) => detail?.fieldViolations.map((violation) => violation.field) ?? []);
}
