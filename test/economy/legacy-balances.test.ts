import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const RATES = { usdPerPoint: "0.000337", usdPerQoint: "0.001", usdPerDoint: "0.000000000001" };

interface Row {
  readonly accountId: string;
  readonly points?: string;
  readonly qoints?: string;
  readonly doints?: string;
  readonly usd?: string;
}

/** Rules 7. */
describe.each(["sqlite", "postgres"] as const)("old balances on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  const imported = (rows: readonly Row[], more: { sourceName?: string; dryRun?: boolean } = {}) =>
    app.economy.importLegacyBalances({
      requestId: randomUUID(),
      sourceName: "mongo",
      rows: [...rows],
      ...RATES,
      ...more,
    });
  const balanceOf = async (accountId: string) => (await app.balance(accountId))[0];

  it.each<[Omit<Row, "accountId">, bigint]>([
    [{ points: "100" }, 33_700n],
    [{ qoints: "2.5" }, 2_500n],
    [{ usd: "1.234567" }, 1_234_567n],
    [{ points: "100", qoints: "1", doints: "1000000", usd: "0.01" }, 44_701n],
    // Rounded down once, after everything is added up: 337.999... and 0.9 + 0.9 micros.
    [{ points: "1.002967359050" }, 337n],
    [{ usd: "0.0000009", doints: "900000" }, 1n],
    [{ usd: "1000000" }, 1_000_000_000_000n],
  ])("%o are worth %i micros, as one LEGACY_IMPORT from sys:legacy", async (balance, worth) => {
    const alice = someone("alice");
    const before = await app.platform("sys:legacy");
    expect(await imported([{ accountId: alice, ...balance }])).toMatchObject({
      ...{ imported: 1, skipped: 0, refused: 0, totalUsdMicros: worth },
      results: [{ row: 0, accountId: alice, amountUsdMicros: worth, imported: true, problem: "" }],
    });
    expect(await balanceOf(alice)).toBe(worth);
    expect(await app.platform("sys:legacy")).toBe(before - worth);
    const { transactions } = await app.economy.listTransactions({ accountId: alice });
    expect(transactions).toMatchObject([
      { type: TransactionType.LEGACY_IMPORT, externalReference: `legacy:mongo:${alice}`, requestId: "" },
    ]);
  });

  it.each<[Row | ((alice: string) => Row), RegExp]>([
    [(accountId) => ({ accountId, points: "-1" }), /^points: /],
    [(accountId) => ({ accountId, usd: "1e3" }), /^usd: /],
    [(accountId) => ({ accountId, qoints: "many" }), /^qoints: /],
    [(accountId) => ({ accountId, doints: "0.0000000000001" }), /^doints: /],
    [(accountId) => ({ accountId, usd: "1000000.000001" }), /more than 1000000000000/],
    [{ accountId: "", usd: "1" }, /^account_id: /],
    [{ accountId: "no good", usd: "1" }, /^account_id: /],
    [{ accountId: "sys:revenue", usd: "1" }, /^account_id: /],
  ])("of row %o are refused by themselves, with their place, and stop nothing else", async (make, problem) => {
    const [alice, before, after] = [someone("alice"), someone("before"), someone("after")];
    const row = typeof make === "function" ? make(alice) : make;
    const answer = await imported([{ accountId: before, usd: "1" }, row, { accountId: after, usd: "2" }]);
    expect(answer).toMatchObject({ imported: 2, refused: 1, skipped: 0, totalUsdMicros: 3_000_000n });
    expect(answer.results.map((result) => [result.row, result.imported])).toEqual([
      [0, true],
      [1, false],
      [2, true],
    ]);
    expect(answer.results[1]).toMatchObject({ accountId: row.accountId, problem: expect.stringMatching(problem) });
    expect([await balanceOf(before), await balanceOf(after)]).toEqual([1_000_000n, 2_000_000n]);
  });

  it("of nothing are skipped and open no account", async () => {
    const rows = ["0", "", "0.0000001"].map((usd) => ({ accountId: someone("nobody"), usd }));
    expect(await imported(rows)).toMatchObject({ imported: 0, skipped: 3, refused: 0, totalUsdMicros: 0n });
    for (const { accountId } of rows)
      expect((await refusalOf(app.balance(accountId))).reason).toBe("ACCOUNT_NOT_FOUND");
  });

  it("are imported once for each account and source, however often the file is run", async () => {
    const rows = Array.from({ length: 20 }, () => ({ accountId: someone("user"), points: "1000" }));
    expect(await imported(rows)).toMatchObject({ imported: 20, totalUsdMicros: 6_740_000n });
    expect(await imported(rows)).toMatchObject({ imported: 0, skipped: 20, totalUsdMicros: 0n });
    expect(await imported(rows, { sourceName: "other" })).toMatchObject({ imported: 20 });
    expect(await balanceOf(rows[0]?.accountId ?? "")).toBe(2n * 337_000n);
  });

  it("are imported once by two imports at once", async () => {
    const other = await app.another();
    const rows = Array.from({ length: 50 }, () => ({ accountId: someone("user"), usd: "1" }));
    const request = { requestId: randomUUID(), sourceName: "mongo", rows };
    const answers = await Promise.all([
      app.economy.importLegacyBalances(request),
      other.economy.importLegacyBalances({ ...request, rows: rows.toReversed() }),
    ]);
    await other.writer.close();
    expect(answers.reduce((sum, answer) => sum + answer.imported, 0)).toBe(50);
    for (const { accountId } of rows) expect(await balanceOf(accountId)).toBe(1_000_000n);
  });

  it("report the same in a dry run and write nothing", async () => {
    const [alice, bob, done] = [someone("alice"), someone("bob"), someone("done")];
    await imported([{ accountId: done, usd: "5" }]);
    const rows = [
      { accountId: alice, points: "7" },
      { accountId: done, usd: "5" },
      { accountId: bob, usd: "-5" },
      { accountId: alice, usd: "9" },
      { accountId: bob, usd: "0" },
      { accountId: bob, usd: "0.000001" },
    ];
    const foreseen = await imported(rows, { dryRun: true });
    expect((await refusalOf(app.balance(alice))).reason).toBe("ACCOUNT_NOT_FOUND");
    const { $typeName: _, ...real } = await imported(rows);
    expect(foreseen).toMatchObject(real);
    expect(real).toMatchObject({ imported: 2, skipped: 3, refused: 1, totalUsdMicros: 2_360n });
  });

  it.each<[Row, string]>([
    [{ accountId: "a", points: "1" }, "usd_per_point"],
    [{ accountId: "a", qoints: "1" }, "usd_per_qoint"],
    [{ accountId: "a", doints: "1" }, "usd_per_doint"],
  ])("of row %o need %s", async (row, field) => {
    const request = { requestId: randomUUID(), sourceName: "mongo", rows: [row], ...RATES };
    const without = { ...request, usdPerPoint: "", usdPerQoint: "", usdPerDoint: "" };
    expect(await refusalOf(app.economy.importLegacyBalances(without))).toMatchObject({
      reason: "INVALID_FIELDS",
      fields: [field],
    });
  });

  it("of 5,000 accounts come in one call, of 5,001 in none", async () => {
    const row = (index: number) => ({ accountId: `bulk-${index}`, usd: "0.01" });
    const rows = Array.from({ length: 5_000 }, (_, index) => row(index));
    expect(await imported(rows)).toMatchObject({ imported: 5_000, totalUsdMicros: 50_000_000n });
    expect(await refusalOf(imported([...rows, row(5_000)]))).toMatchObject({ fields: ["rows"] });
  });
});

/** Rules 8.6. */
describe.each(["sqlite", "postgres"] as const)("an external_reference on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  it("is credited once in the whole service, whatever the source and whoever receives", async () => {
    const externalReference = "chain:0xabc:7";
    const { transaction } = await app.credit(someone("alice"), 100n, { externalReference });
    for (const source of [CreditSource.DEPOSIT, CreditSource.PURCHASE, CreditSource.PROMOTION]) {
      const bob = someone("bob");
      expect(await refusalOf(app.credit(bob, 100n, { externalReference, source }))).toMatchObject({
        reason: "EXTERNAL_REFERENCE_USED",
        metadata: { external_reference: externalReference, transaction_id: transaction?.transactionId },
      });
      expect((await refusalOf(app.balance(bob))).reason).toBe("ACCOUNT_NOT_FOUND");
    }
  });

  it("is credited once by 20 credits at once", async () => {
    const credits = Array.from({ length: 20 }, () => app.credit("hot", 7n, { externalReference: "race" }));
    const done = (await Promise.allSettled(credits)).filter(({ status }) => status === "fulfilled");
    expect(done).toHaveLength(1);
    expect((await app.balance("hot"))[0]).toBe(7n);
  });

  it("of an old balance is taken, too: a credit can't use it again, and a credit before it is all there is", async () => {
    const [alice, bob] = [someone("alice"), someone("bob")];
    const rows = [alice, bob].map((accountId) => ({ accountId, usd: "1" }));
    await app.credit(bob, 5n, { externalReference: `legacy:mongo:${bob}` });
    const answer = await app.economy.importLegacyBalances({ requestId: "i", sourceName: "mongo", rows });
    expect(answer.results.map((result) => result.imported)).toEqual([true, false]);
    const again = app.credit(alice, 5n, { externalReference: `legacy:mongo:${alice}` });
    expect((await refusalOf(again)).reason).toBe("EXTERNAL_REFERENCE_USED");
    expect((await app.balance(bob))[0]).toBe(5n);
  });
});
