import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type AccountReport, auditAccount } from "../../src/audit/account-audit.js";
import { auditCommand } from "../../src/cli/audit/audit.js";
import { runAudit } from "../../src/cli/audit/run-audit.js";
import { describeStores } from "../support/stores.js";
import { writtenHistory } from "./written-history.js";

describeStores("the audit of one account", (makeDatabase) => {
  const written = writtenHistory(makeDatabase);

  const audited = (accountId: string, sliceRows?: number): Promise<AccountReport> =>
    written.store.snapshot((view) => auditAccount(view, accountId, sliceRows));
  const rowsOf = (report: AccountReport) => report.violations.map(({ invariant, row }) => [invariant, row]);

  it("prints the account's part of the books", async () => {
    expect(await runAudit(written.store, { accountId: "alice" })).toEqual({
      text: `Checked account alice: 4 entries, 2 grants, 4 transactions.

Balance (US$) 8.840000, of which held 0.000000; version 4

clean
`,
      isClean: true,
    });
  });

  it("takes all stripes of a platform account", async () => {
    const stripes = (await written.store.listAccounts("sys:revenue", 100)).filter(({ accountId }) =>
      accountId.startsWith("sys:revenue#"),
    );
    const report = await audited("sys:revenue");
    expect(report.accounts).toEqual(stripes);
    // Five debits, a capture, five settlements and three refunds.
    expect(report).toMatchObject({ checked: { entries: 14, grants: 0 }, violations: [] });
    const { text } = await runAudit(written.store, { accountId: "sys:revenue" });
    expect(text).toContain(`Balance (US$) 5.860000, of which held 0.000000; in ${stripes.length} stripes\n`);
    const [{ accountId: last } = { accountId: "" }] = stripes.slice(-1);
    await written.database.tamper(`update accounts set balance_usd_micros = 1 where account_id = '${last}'`);
    expect(rowsOf(await audited("sys:revenue"))).toEqual([["balance-is-sum-of-entries", `account ${last}`]]);
  });

  it("finds the same in slices of one row as in one slice", async () => {
    await written.database.tamper(
      "update entries set amount_usd_micros = 3 where account_id = 'alice' and account_version = 2",
    );
    const whole = await audited("alice");
    expect(whole.violations.length).toBeGreaterThan(3);
    for (const sliceRows of [1, 2, 3, 4]) expect(await audited("alice", sliceRows)).toEqual(whole);
  });

  it("finds what is wrong with its entries, its chain, its versions, its grants and its transactions", async () => {
    for (const statement of [
      "update entries set balance_after_usd_micros = 5 where account_id = 'alice' and account_version = 1",
      "update accounts set version = 5 where account_id = 'alice'",
      "update credit_grants set remaining_usd_micros = remaining_usd_micros + 1 where account_id = 'alice' and category = 'PAID'",
      `update transactions set description = 'gift' where transaction_id = '${written.history.deposit}'`,
    ]) {
      await written.database.tamper(statement);
    }
    expect(rowsOf(await audited("alice"))).toEqual(
      expect.arrayContaining([
        ["balance-after-chains", "account alice entry 1"],
        ["entry-hash", "account alice entry 1"],
        ["version-is-of-last-entry", "account alice entry 5"],
        ["grants-sum-to-balance", "account alice"],
        ["details-digest", `transaction ${written.history.deposit}`],
      ]),
    );
    expect(await runAudit(written.store, { accountId: "alice" })).toMatchObject({ isClean: false });
  });

  it("doesn't look at other accounts, not even at those whose names begin with its own", async () => {
    await written.database.tamper("update accounts set account_id = 'alice2' where account_id = 'carol'");
    await written.database.tamper("update accounts set account_id = 'alic' where account_id = 'dave'");
    await written.database.tamper(
      "update entries set hash = (select hash from entries where account_id = 'alice' and account_version = 1) where account_id <> 'alice'",
    );
    expect((await audited("alice")).violations).toEqual([]);
    expect((await audited("bob")).violations).not.toEqual([]);
  });

  it("finds what is left of an account that is gone", async () => {
    await written.database.tamper("delete from accounts where account_id = 'alice'");
    const report = await audited("alice");
    expect(report.violations).toMatchObject([
      { invariant: "entry-has-account", row: "account alice entry 1", count: 4 },
      { invariant: "grant-has-account", count: 2 },
    ]);
    const { text } = await runAudit(written.store, { accountId: "alice" });
    expect(text).toContain("version unknown");
  });

  it("refuses an account that nothing is known of", async () => {
    await expect(runAudit(written.store, { accountId: "nobody" })).rejects.toThrow("account nobody has no entries");
    await expect(runAudit(written.store, { accountId: "sys:nothing" })).rejects.toThrow(
      "account sys:nothing has no entries",
    );
  });

  it("compares only its own heads with an anchor", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tollgate-anchors-"));
    try {
      const againstFile = join(folder, "heads.jsonl");
      await runAudit(written.store, { anchorFile: againstFile });
      await written.database.tamper("delete from entries where account_id = 'zed'");
      const alice = await runAudit(written.store, { accountId: "alice", againstFile });
      expect(alice).toMatchObject({ isClean: true, text: expect.stringContaining("compared: 1\n") });
      const zed = await runAudit(written.store, { accountId: "zed", againstFile });
      expect(zed.text).toContain("anchor-still-stands: account zed entry 2: is anchored and gone");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

it("the command refuses an account that can't be one, and an anchor of one account", async () => {
  const run = (...args: string[]) =>
    auditCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(["--database-url", "sqlite::memory:", ...args], { from: "user" });
  await expect(run("--account", "sys:revenue#03")).rejects.toThrow("takes 1-128 of A-Z a-z 0-9 _ . : -");
  await expect(run("--account", "alice", "--anchor", "x")).rejects.toThrow("cannot be used with");
});
