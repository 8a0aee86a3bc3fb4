import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditCategory, CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp, type CreditOptions, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** What debits burn and where money arrives, rules 5.1 and 5.4. Expiry has a file of its own. */
describe.each(["sqlite", "postgres"] as const)("grants on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("run", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.001" } });
  });
  afterAll(() => app.stop());

  const { PAID, PROMOTIONAL } = CreditCategory;
  const grantIdsOf = async (accountId: string, includeSpent = false) =>
    (await app.economy.listCreditGrants({ accountId, includeSpent })).creditGrants.map((grant) => grant.grantId);
  /** Credits 100 each in the order given; @returns the grants' ids in that order */
  const credits = async (accountId: string, ...options: CreditOptions[]): Promise<string[]> => {
    const grantIds: string[] = [];
    for (const more of options) {
      const { creditGrant } = await app.credit(accountId, 100n, { category: PAID, ...more });
      grantIds.push(creditGrant?.grantId ?? "");
    }
    return grantIds;
  };

  it.each([
    [CreditSource.DEPOSIT, PAID, "sys:deposits"],
    [CreditSource.PURCHASE, PAID, "sys:deposits"],
    [CreditSource.ADJUSTMENT, PAID, "sys:adjustments"],
    [CreditSource.PROMOTION, PROMOTIONAL, "sys:promotions"],
    [CreditSource.ADMIN_GIFT, PROMOTIONAL, "sys:adjustments"],
    [CreditSource.COMPENSATION, PROMOTIONAL, "sys:adjustments"],
  ])("of source %i have category %i unless told, and come from %s", async (source, category, counterAccount) => {
    const alice = someone("alice");
    const before = await app.platform(counterAccount);
    const { creditGrant, transaction } = await app.credit(alice, 100n, { source });
    expect(creditGrant).toMatchObject({ category, priority: 50, amountUsdMicros: 100n, remainingUsdMicros: 100n });
    expect(creditGrant?.expireTime).toBeUndefined();
    expect(creditGrant?.transactionId).toBe(transaction?.transactionId);
    expect(await app.platform(counterAccount)).toBe(before - 100n);
    expect(await app.balance(alice)).toEqual([100n, 0n, 100n, category === PROMOTIONAL ? 100n : 0n]);
    const other = category === PAID ? PROMOTIONAL : PAID;
    expect((await app.credit(alice, 1n, { source, category: other })).creditGrant?.category).toBe(other);
  });

  describe("burn", () => {
    const soon = () => app.in(3_600);
    const late = () => app.in(7_200);

    it.each<[string, () => CreditOptions, () => CreditOptions]>([
      [
        "by priority, low first, before anything else",
        () => ({ priority: 49 }),
        () => ({ priority: 50, expireTime: soon(), category: PROMOTIONAL }),
      ],
      [
        "by expiry, earliest first, at equal priority",
        () => ({ expireTime: soon() }),
        () => ({ expireTime: late(), category: PROMOTIONAL }),
      ],
      ["what expires before what never does", () => ({ expireTime: late() }), () => ({ category: PROMOTIONAL })],
      ["promotional before paid at equal expiry", () => ({ category: PROMOTIONAL }), () => ({ category: PAID })],
      [
        "promotional before paid among those that expire at one time",
        () => ({ category: PROMOTIONAL, expireTime: soon() }),
        () => ({ expireTime: soon() }),
      ],
    ])("%s, whichever came first", async (_, sooner, later) => {
      for (const isReversed of [false, true]) {
        const alice = someone("alice");
        const order = isReversed ? [later(), sooner()] : [sooner(), later()];
        const ids = await credits(alice, ...order);
        const inBurnOrder = isReversed ? [...ids].reverse() : ids;
        expect(await grantIdsOf(alice)).toEqual(inBurnOrder);
        await app.debit(alice, 130n);
        expect(await grantIdsOf(alice)).toEqual([inBurnOrder[1]]);
        expect(await app.remaining(alice)).toEqual([70n]);
      }
    });

    it("the oldest first of those alike", async () => {
      const alice = someone("alice");
      const ids = await credits(alice, {}, {}, {});
      await app.debit(alice, 150n);
      expect(await grantIdsOf(alice)).toEqual(ids.slice(1));
      expect(await app.remaining(alice, true)).toEqual([0n, 50n, 100n]);
    });

    it("by all four criteria at once", async () => {
      const alice = someone("alice");
      const ids = await credits(
        alice,
        {},
        { category: PROMOTIONAL },
        { expireTime: late() },
        { expireTime: soon() },
        { expireTime: soon(), category: PROMOTIONAL },
        { priority: 0 },
        { priority: 100, expireTime: soon() },
        {},
      );
      const order = [5, 4, 3, 2, 1, 0, 7, 6].map((index) => ids[index]);
      expect(await grantIdsOf(alice)).toEqual(order);
      for (let burned = 1; burned <= order.length; burned++) {
        await app.debit(alice, 100n);
        expect(await grantIdsOf(alice)).toEqual(order.slice(burned));
      }
    });

    it("in one order for a debit, a transfer, a capture and a settlement", async () => {
      const spend: ((alice: string) => Promise<unknown>)[] = [
        (alice) => app.debit(alice, 1_000n),
        (alice) =>
          app.economy.transfer({
            requestId: randomUUID(),
            fromAccountId: alice,
            toAccountId: someone("bob"),
            amountUsdMicros: 1_000n,
          }),
        async (alice) => app.capture((await app.hold(alice, 1_000n)).holdId, 1_000n),
        async (alice) => {
          const { generation } = await app.generations.createGeneration({
            requestId: randomUUID(),
            accountId: alice,
            toolId: "run",
          });
          await app.generations.completeGeneration({
            generationId: generation?.generationId ?? "",
            outcome: Outcome.SUCCEEDED,
          });
        },
      ];
      for (const spent of spend) {
        const alice = someone("alice");
        await app.credit(alice, 900n, { priority: 60 });
        await app.credit(alice, 700n, { priority: 40, category: PROMOTIONAL });
        await spent(alice);
        expect(await app.remaining(alice, true)).toEqual([0n, 600n]);
        expect(await app.balance(alice)).toEqual([600n, 0n, 600n, 0n]);
      }
    });

    it("over 200 of them in one debit", async () => {
      const alice = someone("alice");
      const items = Array.from({ length: 210 }, () => ({
        item: {
          case: "credit" as const,
          value: { requestId: randomUUID(), accountId: alice, amountUsdMicros: 10n, source: CreditSource.DEPOSIT },
        },
      }));
      await app.economy.batchPost({ items });
      const { balance } = await app.debit(alice, 2_055n);
      expect(balance?.balanceUsdMicros).toBe(45n);
      expect(await app.remaining(alice)).toEqual([5n, 10n, 10n, 10n, 10n]);
    });
  });

  it("make promotional_usd_micros what is unspent of promotional ones", async () => {
    const alice = someone("alice");
    await app.credit(alice, 100n);
    await app.credit(alice, 60n, { source: CreditSource.PROMOTION });
    await app.credit(alice, 50n, { source: CreditSource.ADMIN_GIFT, priority: 60 });
    expect(await app.balance(alice)).toEqual([210n, 0n, 210n, 110n]);
    await app.debit(alice, 40n);
    expect(await app.balance(alice)).toEqual([170n, 0n, 170n, 70n]);
    await app.debit(alice, 120n);
    expect(await app.balance(alice)).toEqual([50n, 0n, 50n, 50n]);
  });

  it("of transfers, rewards and legacy balances are paid, never expire and share one rolling grant", async () => {
    const [anna, fan] = [someone("anna"), someone("fan")];
    await app.credit(fan, 5_000n, { source: CreditSource.PROMOTION, expireTime: app.in(3_600) });
    await app.economy.transfer({
      requestId: randomUUID(),
      fromAccountId: fan,
      toAccountId: anna,
      amountUsdMicros: 300n,
    });
    const attribution = { loras: [{ loraId: "x", ownerAccountId: anna }] };
    const { generation } = await app.generations.createGeneration({
      requestId: randomUUID(),
      accountId: fan,
      toolId: "run",
      attribution,
    });
    await app.generations.completeGeneration({
      generationId: generation?.generationId ?? "",
      outcome: Outcome.SUCCEEDED,
    });
    await app.economy.importLegacyBalances({
      requestId: anna,
      sourceName: "old",
      rows: [{ accountId: anna, usd: "0.0001" }],
    });
    const { creditGrants } = await app.economy.listCreditGrants({ accountId: anna });
    expect(creditGrants).toHaveLength(1);
    expect(creditGrants[0]).toMatchObject({
      category: PAID,
      priority: 50,
      amountUsdMicros: 450n,
      remainingUsdMicros: 450n,
    });
    expect(creditGrants[0]?.expireTime).toBeUndefined();
    expect(await app.balance(anna)).toEqual([450n, 0n, 450n, 0n]);
  });

  it("are credited once for a repeated request_id, and shown as they are now", async () => {
    const alice = someone("alice");
    const first = await app.credit(alice, 100n, { requestId: alice });
    await app.debit(alice, 30n);
    const again = await app.credit(alice, 100n, { requestId: alice });
    expect(again.transaction).toEqual(first.transaction);
    expect(again.creditGrant).toMatchObject({ grantId: first.creditGrant?.grantId, remainingUsdMicros: 70n });
    expect(again.balance?.balanceUsdMicros).toBe(70n);
  });

  it.each([
    ["priority", { priority: 101 }],
    ["priority", { priority: -1 }],
    ["source", { source: CreditSource.UNSPECIFIED }],
  ])("have no %s of %o", async (field, more) => {
    const { reason, fields } = await refusalOf(app.credit(someone("alice"), 100n, more));
    expect(reason).toBe("INVALID_FIELDS");
    expect(fields).toEqual([field]);
  });

  it("are listed in burn order, in pages, with the spent ones if asked", async () => {
    const alice = someone("alice");
    const ids = await credits(alice, ...Array.from({ length: 7 }, (_, index) => ({ priority: 10 + index })));
    await app.debit(alice, 250n);
    const listed = async (includeSpent: boolean): Promise<string[]> => {
      const seen: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await app.economy.listCreditGrants({ accountId: alice, includeSpent, pageSize: 3, pageToken });
        seen.push(...page.creditGrants.map((grant) => grant.grantId));
        pageToken = page.nextPageToken;
        if (pageToken === "") return seen;
      }
    };
    expect(await listed(true)).toEqual(ids);
    expect(await listed(false)).toEqual(ids.slice(2));
    expect((await app.economy.listCreditGrants({ accountId: someone("nobody") })).creditGrants).toEqual([]);
  });
});
