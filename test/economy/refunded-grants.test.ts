import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditCategory, CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { ClockedApp } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const DAY_SECONDS = 86_400;

/** Where money that comes back goes, rules 5.3. */
describe.each(["sqlite", "postgres"] as const)("a refund puts money back into its grants on %s:", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  const refund = (...of: Parameters<ClockedApp["refund"]>) => app.refund(...of);

  it("in reverse burn order, over several refunds", async () => {
    const alice = someone("alice");
    for (const priority of [1, 2, 3]) await app.credit(alice, 100n, { priority });
    const { transaction } = await app.debit(alice, 250n);
    const transactionId = transaction?.transactionId ?? "";
    const steps: [bigint | "all", bigint[]][] = [
      [70n, [0n, 20n, 100n]],
      [110n, [30n, 100n, 100n]],
      ["all", [100n, 100n, 100n]],
    ];
    for (const [amount, remaining] of steps) {
      await refund(transactionId, amount);
      expect(await app.remaining(alice, true)).toEqual(remaining);
    }
  });

  it("without issuing them more, promotional ones as promotional", async () => {
    const alice = someone("alice");
    await app.credit(alice, 100n, { source: CreditSource.PROMOTION });
    const { transaction } = await app.debit(alice, 80n);
    await refund(transaction?.transactionId ?? "", 50n);
    expect(await app.balance(alice)).toEqual([70n, 0n, 70n, 70n]);
    const { creditGrants } = await app.economy.listCreditGrants({ accountId: alice });
    expect(creditGrants).toMatchObject([{ amountUsdMicros: 100n, remainingUsdMicros: 70n }]);
  });

  it("even if they were spent on meanwhile", async () => {
    const alice = someone("alice");
    await app.credit(alice, 100n, { priority: 1 });
    await app.credit(alice, 100n, { priority: 2 });
    const { transaction } = await app.debit(alice, 60n);
    await app.debit(alice, 100n);
    await refund(transaction?.transactionId ?? "");
    expect(await app.remaining(alice, true)).toEqual([60n, 40n]);
  });

  it("and makes a grant of the same category for 7 days where one has expired", async () => {
    const alice = someone("alice");
    const expiring = { source: CreditSource.PROMOTION, priority: 10, expireTime: app.in(60) };
    await app.credit(alice, 100n, expiring);
    await app.credit(alice, 100n, { priority: 20 });
    const { transaction } = await app.debit(alice, 150n);
    app.pass(60);
    const answer = await refund(transaction?.transactionId ?? "");
    expect(answer.balance).toMatchObject({ balanceUsdMicros: 200n, promotionalUsdMicros: 100n });
    const { creditGrants } = await app.economy.listCreditGrants({ accountId: alice });
    expect(creditGrants).toMatchObject([
      { category: CreditCategory.PROMOTIONAL, amountUsdMicros: 100n, remainingUsdMicros: 100n },
      { category: CreditCategory.PAID, amountUsdMicros: 100n, remainingUsdMicros: 100n },
    ]);
    expect(creditGrants[0]).toMatchObject({ transactionId: answer.transaction?.transactionId });
    expect(creditGrants[0]?.expireTime).toMatchObject(app.in(7 * DAY_SECONDS));
    app.pass(7 * DAY_SECONDS - 0.001);
    expect(await app.balance(alice)).toEqual([200n, 0n, 200n, 100n]);
    app.pass(0.001);
    expect(await app.balance(alice)).toEqual([100n, 0n, 100n, 0n]);
  });

  it("and makes one for each that has expired, and again for each refund", async () => {
    const alice = someone("alice");
    await app.credit(alice, 100n, { source: CreditSource.PROMOTION, expireTime: app.in(30) });
    await app.credit(alice, 100n, { expireTime: app.in(60) });
    const { transaction } = await app.debit(alice, 200n);
    app.pass(60);
    await refund(transaction?.transactionId ?? "", 150n);
    expect(await app.balance(alice)).toEqual([150n, 0n, 150n, 50n]);
    await refund(transaction?.transactionId ?? "");
    expect(await app.balance(alice)).toEqual([200n, 0n, 200n, 100n]);
    expect((await app.remaining(alice)).sort()).toEqual([100n, 50n, 50n]);
  });

  it("where it makes way for expired credit that a hold still covers", async () => {
    const alice = someone("alice");
    await app.credit(alice, 50n, { priority: 1 });
    await app.credit(alice, 100n, { source: CreditSource.PROMOTION, expireTime: app.in(60) });
    const { transaction } = await app.debit(alice, 50n);
    await app.hold(alice, 100n);
    app.pass(60);
    expect(await app.balance(alice)).toEqual([100n, 100n, 0n, 100n]);
    const answer = await refund(transaction?.transactionId ?? "");
    expect(answer.balance).toMatchObject({ balanceUsdMicros: 100n, availableUsdMicros: 0n });
    expect(await app.balance(alice)).toEqual([100n, 100n, 0n, 50n]);
  });

  it("of a debit of over 200 of them", async () => {
    const alice = someone("alice");
    const items = Array.from({ length: 210 }, () => ({
      item: {
        case: "credit" as const,
        value: { requestId: randomUUID(), accountId: alice, amountUsdMicros: 10n, source: CreditSource.DEPOSIT },
      },
    }));
    await app.economy.batchPost({ items });
    const { transaction } = await app.debit(alice, 2_100n);
    await refund(transaction?.transactionId ?? "", 2_055n);
    const { creditGrants } = await app.economy.listCreditGrants({ accountId: alice, pageSize: 500 });
    expect(creditGrants.map((grant) => grant.remainingUsdMicros)).toEqual([5n, ...Array(205).fill(10n)]);
  });
});
