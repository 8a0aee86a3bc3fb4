import { afterEach, beforeEach, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { Store } from "../../src/storage/store.js";
import { creditOf, debitOf } from "../support/commands.js";
import { describeStores, type TestDatabase } from "../support/stores.js";
import { writeHistory } from "./history.js";

describeStores("the audit", (makeDatabase) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase();
    store = await database.open();
  });
  afterEach(() => database.destroy());

  it("finds an empty store clean", async () => {
    const report = await auditLedger(store);
    expect(report.checked).toEqual({ accounts: 0, entries: 0, transactions: 0, generations: 0 });
    expect(report.violations).toEqual([]);
    expect(report.trialBalance.map((line) => line.balanceUsdMicros)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
  });

  it("finds a store with something of everything clean, and its trial balance sums to zero", async () => {
    await writeHistory(store);
    const report = await auditLedger(store);
    expect(report.violations).toEqual([]);
    expect(report.checked).toMatchObject({ transactions: 26, generations: 12 });
    // Two entries each, but for the settlements with three, two and one creators, and the refund of the second of these.
    expect(report.checked.entries).toBe(26 * 2 + 3 + 2 + 1 + 2);
    const balances = report.trialBalance.map((line) => [line.accountId, line.balanceUsdMicros]);
    expect(balances).toEqual([
      ["sys:deposits", -32_100_000n],
      ["sys:promotions", -3_500_000n],
      ["sys:adjustments", -3_000_000n],
      ["sys:legacy", -5_000_000n],
      ["sys:revenue", 5_860_000n],
      ["sys:breakage", 1_500_000n],
      ["sys:clawback_loss", -15_000n],
      ["users", 36_255_000n],
    ]);
    // alice, bob, carol, dave, erin and zed; nobody ever paid yan. carl, dora, gina, holly, lena, otto, sam and tom.
    expect(report.trialBalance.at(-1)?.accounts).toBe(6 + 8);
  });

  it("finds the same in slices of one row as in one slice", async () => {
    await writeHistory(store);
    const whole = await auditLedger(store);
    for (const sliceRows of [1, 7]) expect(await auditLedger(store, { sliceRows })).toEqual(whole);
    await database.tamper("delete from entries where account_id = 'alice' and account_version = 2");
    const tampered = await auditLedger(store);
    for (const sliceRows of [2, 7]) expect(await auditLedger(store, { sliceRows })).toEqual(tampered);
  });

  it("tells how far it is, up to the end", async () => {
    await writeHistory(store);
    const steps: [number, number][] = [];
    await auditLedger(store, { sliceRows: 3, onProgress: (done, total) => steps.push([done, total]) });
    const [done, total] = steps.at(-1) ?? [];
    expect(done).toBe(total);
    expect(steps.map(([walked]) => walked)).toEqual(steps.map(([walked]) => walked).sort((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(20);
  });

  it("sees one moment, whatever is written meanwhile", async () => {
    await writeHistory(store);
    const writer = new LedgerWriter(store);
    let isAuditing = true;
    const writing = (async () => {
      for (let written = 0; isAuditing; written++) {
        await writer.submit(creditOf({ accountId: `user-${written % 7}`, amountUsdMicros: 10n }));
        await writer.submit(debitOf({ accountId: `user-${written % 7}`, amountUsdMicros: 3n }));
      }
    })();
    for (let audits = 0; audits < 3; audits++) {
      expect((await auditLedger(store, { sliceRows: 5 })).violations).toEqual([]);
    }
    isAuditing = false;
    await writing;
    await writer.close();
    expect((await auditLedger(store)).violations).toEqual([]);
  });

  it("keeps the first row of each kind and counts the others", async () => {
    await writeHistory(store);
    await database.tamper("update entries set grant_movements = '[]' where account_id not like 'sys:%'");
    const { violations, checked } = await auditLedger(store);
    const byKind = new Map(violations.map((violation) => [violation.invariant, violation]));
    expect(byKind.size).toBe(violations.length);
    expect(byKind.get("movements-sum-to-amount")).toMatchObject({ row: "account alice entry 1", count: 34 });
    expect(byKind.get("entry-hash")).toMatchObject({ row: "account alice entry 1", count: 34 });
    expect(checked.entries).toBe(60);
  });

  it("names the one entry that was edited, not those after it", async () => {
    await writeHistory(store);
    await database.tamper("update entries set position = 7 where account_id = 'alice' and account_version = 2");
    const { violations } = await auditLedger(store);
    expect(violations).toMatchObject([{ invariant: "entry-hash", row: "account alice entry 2", count: 1 }]);
  });

  it("finds grants moved by an entry of the platform", async () => {
    await writeHistory(store);
    await database.tamper(`update entries set grant_movements = '[["x","5"]]' where account_id like 'sys:promotions%'`);
    const { violations } = await auditLedger(store);
    expect(violations.map(({ invariant }) => invariant)).toEqual([
      "entry-hash",
      "movements-sum-to-amount",
      "movement-has-grant",
    ]);
    expect(violations[1]?.row).toMatch(/^account sys:promotions#\d\d entry 1$/);
  });

  it("names the row that is too damaged to be read", async () => {
    const { deposit } = await writeHistory(store);
    await database.tamper(
      "update entries set grant_movements = 'x' where account_id = 'alice' and account_version = 1",
    );
    await expect(auditLedger(store)).rejects.toMatchObject({
      kind: "REFUSED",
      message: `entries: the row with transaction_id ${deposit}, position 0 is unreadable`,
    });
  });

  it("leaves nothing out of a report on accounts whose names sort strangely", async () => {
    const writer = new LedgerWriter(store);
    for (const accountId of ["B", "a", "_", "0", "a.b", "a-b", "a:b", "Z".repeat(128)]) {
      await writer.submit(creditOf({ accountId, amountUsdMicros: 10n }));
    }
    await writer.close();
    await database.tamper("update entries set account_id = '\u{1F600}' where account_id = 'a.b'");
    await database.tamper("update accounts set account_id = '\uFF5E' where account_id = 'a-b'");
    const { violations } = await auditLedger(store, { sliceRows: 3 });
    const found = violations.map(({ invariant, row, count }) => [invariant, row, count]);
    expect(found).toContainEqual(["entry-has-account", "account a-b entry 1", 2]);
    expect(found).toContainEqual(["version-is-of-last-entry", "account a.b entry 1", 2]);
  });
});
