import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** Credit with an end, rule 5.2. */
describe.each(["sqlite", "postgres"] as const)("credit that expires on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  /** Promotional credit for a minute. */
  const gift = async (accountId: string, amountUsdMicros: bigint, seconds = 60) =>
    app.credit(accountId, amountUsdMicros, { source: CreditSource.PROMOTION, expireTime: app.in(seconds) });
  const expiries = async (accountId: string) => {
    const types = [TransactionType.GRANT_EXPIRY];
    const { transactions } = await app.economy.listTransactions({ accountId, types });
    return transactions.map((transaction) =>
      transaction.entries.map((entry) => [entry.accountId, entry.amountUsdMicros] as const),
    );
  };

  it("is spent like any other until the very moment", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    app.pass(59.999);
    await app.debit(alice, 40n);
    expect(await app.balance(alice)).toEqual([60n, 0n, 60n, 60n]);
    app.pass(0.001);
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
  });

  it("leaves in a GRANT_EXPIRY transaction to sys:breakage, once, whoever sweeps", async () => {
    await app.sweep();
    const breakage = await app.platform("sys:breakage");
    const alice = someone("alice");
    await gift(alice, 100n);
    await app.credit(alice, 7n);
    await app.debit(alice, 30n);
    app.pass(60);
    const other = await app.another();
    const [before] = await app.store.accounts([alice]);
    expect(before?.balanceUsdMicros).toBe(77n);
    await Promise.all([app.sweep(), other.sweep(), app.sweep()]);
    expect(await expiries(alice)).toEqual([
      [
        [alice, -70n],
        ["sys:breakage", 70n],
      ],
    ]);
    expect(await app.platform("sys:breakage")).toBe(breakage + 70n);
    expect(await app.balance(alice)).toEqual([7n, 0n, 7n, 0n]);
    expect(await app.sweep()).toBe(0);
  });

  it("is written with the account's next command, if that comes before a sweep", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    await app.credit(alice, 10n);
    app.pass(60);
    await app.debit(alice, 4n);
    expect(await expiries(alice)).toHaveLength(1);
    const { transactions } = await app.economy.listTransactions({ accountId: alice });
    const types = transactions.map((transaction) => TransactionType[transaction.type]);
    expect(types).toEqual(["DEBIT", "GRANT_EXPIRY", "CREDIT", "CREDIT"]);
  });

  it("is written even where that command is refused", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    app.pass(60);
    expect(await refusalOf(app.debit(alice, 1n))).toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
      metadata: { available_usd_micros: "0" },
    });
    expect(await expiries(alice)).toHaveLength(1);
  });

  it("leaves all at once where several grants are due, and later ones stay", async () => {
    const alice = someone("alice");
    await gift(alice, 100n, 10);
    await gift(alice, 20n, 20);
    await gift(alice, 3n, 40);
    app.pass(20);
    expect(await app.balance(alice)).toEqual([3n, 0n, 3n, 3n]);
    await app.sweep();
    expect(await expiries(alice)).toEqual([
      [
        [alice, -120n],
        ["sys:breakage", 120n],
      ],
    ]);
    app.pass(20);
    await app.sweep();
    expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
  });

  it("leaves at its time even from beyond 200 grants that burn before it", async () => {
    const alice = someone("alice");
    const items = Array.from({ length: 210 }, () => ({
      item: {
        case: "credit" as const,
        value: { requestId: randomUUID(), accountId: alice, amountUsdMicros: 10n, source: CreditSource.DEPOSIT },
      },
    }));
    await app.economy.batchPost({ items });
    await app.credit(alice, 55n, { priority: 99, expireTime: app.in(60) });
    app.pass(60);
    expect(await app.balance(alice)).toEqual([2_100n, 0n, 2_100n, 0n]);
    await app.debit(alice, 2_100n);
    expect(await expiries(alice)).toEqual([
      [
        [alice, -55n],
        ["sys:breakage", 55n],
      ],
    ]);
  });

  it("never shows once it expired, in any read, before any sweep", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    await app.credit(alice, 10n);
    app.pass(60);
    expect(await app.balance(alice)).toEqual([10n, 0n, 10n, 0n]);
    const { balances } = await app.economy.batchGetBalances({ accountIds: [alice] });
    expect(balances[0]).toMatchObject({ balanceUsdMicros: 10n, availableUsdMicros: 10n, promotionalUsdMicros: 0n });
    expect(await app.remaining(alice)).toEqual([10n]);
    expect(await app.remaining(alice, true)).toEqual([0n, 10n]);
    const { balances: all } = await app.economy.listAccounts({ pageSize: 500 });
    expect(all.find((balance) => balance.accountId === alice)?.balanceUsdMicros).toBe(10n);
    const [row] = await app.store.accounts([alice]);
    expect(row?.balanceUsdMicros).toBe(110n);
  });

  it("never shows to a read that a sweep overtakes", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    await app.credit(alice, 10n);
    app.pass(60);
    const overtaken = await app.another({
      reads: (store) => ({
        due: async (accountId, now) => {
          await app.sweep();
          return store.due(accountId, now);
        },
      }),
    });
    expect(await overtaken.balance(alice)).toEqual([10n, 0n, 10n, 0n]);
  });

  it("never shows to a list of grants that a sweep overtakes", async () => {
    const alice = someone("alice");
    await gift(alice, 100n);
    await app.credit(alice, 10n);
    app.pass(60);
    const overtaken = await app.another({
      reads: (store) => ({
        due: async (accountId, now) => {
          await app.sweep();
          return store.due(accountId, now);
        },
      }),
    });
    expect(await overtaken.remaining(alice)).toEqual([10n]);
  });

  it("takes an expire_time to come", async () => {
    for (const seconds of [0, -1]) {
      const { reason, fields } = await refusalOf(gift(someone("alice"), 100n, seconds));
      expect(reason).toBe("INVALID_FIELDS");
      expect(fields).toEqual(["expire_time"]);
    }
  });

  describe("while a hold covers it", () => {
    /** 100 that are over, 40 of them held, and nothing else. */
    const heldAndOver = async (): Promise<{ alice: string; holdId: string }> => {
      const alice = someone("alice");
      await gift(alice, 100n);
      const { holdId } = await app.hold(alice, 40n);
      app.pass(60);
      return { alice, holdId };
    };

    it("stays, and the rest leaves: nothing is available, before and after a sweep", async () => {
      const { alice } = await heldAndOver();
      for (const step of [() => Promise.resolve(0), () => app.sweep()]) {
        await step();
        expect(await app.balance(alice)).toEqual([40n, 40n, 0n, 40n]);
        expect(await app.remaining(alice)).toEqual([40n]);
      }
      expect((await refusalOf(app.debit(alice, 1n))).metadata).toMatchObject({ available_usd_micros: "0" });
      expect((await refusalOf(app.hold(alice, 1n))).reason).toBe("INSUFFICIENT_FUNDS");
    });

    it("is captured like any other", async () => {
      const { alice, holdId } = await heldAndOver();
      await app.capture(holdId, 40n);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
      expect(await expiries(alice)).toEqual([
        [
          [alice, -60n],
          ["sys:breakage", 60n],
        ],
      ]);
    });

    it("goes at once with what a capture leaves of the hold", async () => {
      const { alice, holdId } = await heldAndOver();
      const { balance } = await app.capture(holdId, 15n);
      expect(balance).toMatchObject({ balanceUsdMicros: 0n, availableUsdMicros: 0n, promotionalUsdMicros: 0n });
      expect((await expiries(alice)).map(([first]) => first?.[1])).toEqual([-25n, -60n]);
    });

    it("goes at once when the hold is released", async () => {
      const { alice, holdId } = await heldAndOver();
      const { balance } = await app.release(holdId);
      expect(balance).toMatchObject({ balanceUsdMicros: 0n, heldUsdMicros: 0n, promotionalUsdMicros: 0n });
      expect((await expiries(alice)).map(([first]) => first?.[1])).toEqual([-40n, -60n]);
    });

    it("goes at once when the hold expires, swept or not", async () => {
      const { alice } = await heldAndOver();
      app.pass(3_600);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
      expect(await app.remaining(alice)).toEqual([]);
      await app.sweep();
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
      expect(await app.sweep()).toBe(0);
    });

    it("takes the place of money that arrives: as much of it leaves as can", async () => {
      const { alice } = await heldAndOver();
      const { balance } = await app.credit(alice, 30n);
      expect(balance).toMatchObject({ balanceUsdMicros: 40n, heldUsdMicros: 40n, availableUsdMicros: 0n });
      expect(await app.balance(alice)).toEqual([40n, 40n, 0n, 10n]);
      expect((await expiries(alice)).map(([first]) => first?.[1])).toEqual([-30n, -60n]);
      await app.credit(alice, 30n);
      expect(await app.balance(alice)).toEqual([60n, 40n, 20n, 0n]);
      await app.debit(alice, 20n);
    });

    it("takes the place of money that is transferred in, too", async () => {
      const { alice } = await heldAndOver();
      const bob = someone("bob");
      await app.credit(bob, 100n);
      const order = { requestId: randomUUID(), fromAccountId: bob, toAccountId: alice, amountUsdMicros: 100n };
      const { toBalance } = await app.economy.transfer(order);
      expect(toBalance).toMatchObject({ balanceUsdMicros: 100n, heldUsdMicros: 40n, promotionalUsdMicros: 0n });
      expect(await app.balance(alice)).toEqual([100n, 40n, 60n, 0n]);
    });

    it("leaves money alone that is not due, though the hold could cover that instead", async () => {
      const alice = someone("alice");
      await gift(alice, 100n);
      await app.credit(alice, 50n);
      await app.hold(alice, 40n);
      app.pass(60);
      expect(await app.balance(alice)).toEqual([50n, 40n, 10n, 0n]);
      await app.sweep();
      expect(await app.balance(alice)).toEqual([50n, 40n, 10n, 0n]);
    });
  });
});
