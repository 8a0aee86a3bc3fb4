import { ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MICROS_PER_DAY } from "../../src/domain/time.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import type { LedgerViolation, VerifyLedgerResponse } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { type History, writeHistory } from "./history.js";

/** What a walk to the end came to. */
interface Verified {
  readonly slices: readonly VerifyLedgerResponse[];
  readonly accounts: number;
  readonly entries: number;
  readonly violations: readonly LedgerViolation[];
}

describe.each(["sqlite", "postgres"] as const)("VerifyLedger on %s", (backend) => {
  let app: TestApp;
  let history: History;
  let undo: () => Promise<void>;

  beforeAll(async () => {
    app = await startTestApp(backend);
    // Four days ago: nothing of it ends between its end and now, so the app's sweeper has nothing to write.
    const start = BigInt(Date.now()) * 1_000n - 4n * MICROS_PER_DAY;
    history = await writeHistory(await app.database.open(), start);
    undo = await app.database.remember();
  });
  // Whatever a test writes or tampers with is gone before the next.
  afterEach(() => undo());
  afterAll(() => app.stop());

  async function verify(pageSize: number, accountId = "", onSlice = async () => {}): Promise<Verified> {
    const slices: VerifyLedgerResponse[] = [];
    for (let pageToken = ""; slices.length < 1_000; ) {
      const slice = await app.economy.verifyLedger({ accountId, pageSize, pageToken });
      slices.push(slice);
      if (slice.nextPageToken === "") break;
      pageToken = slice.nextPageToken;
      await onSlice();
    }
    const sum = (of: (slice: VerifyLedgerResponse) => bigint) =>
      Number(slices.reduce((total, slice) => total + of(slice), 0n));
    return {
      slices,
      accounts: sum((slice) => slice.checkedAccounts),
      entries: sum((slice) => slice.checkedEntries),
      violations: slices.flatMap((slice) => slice.violations),
    };
  }

  const rowsOf = (verified: Verified) => verified.violations.map(({ invariant, row }) => [invariant, row]);

  async function tamper(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await app.database.tamper(statement);
  }

  /** Rows that there are, as another pair of eyes counts them. */
  async function count(table: "accounts" | "entries", condition = "1 = 1"): Promise<number> {
    const rows = await app.database.tamper(`select count(*) as count from ${table} where ${condition}`);
    return Number((rows as { count: number | string }[])[0]?.count);
  }

  async function entryRows(): Promise<string[]> {
    const rows = (await app.database.tamper("select account_id, account_version from entries")) as {
      account_id: string;
      account_version: number | string;
    }[];
    return rows.map((row) => `account ${row.account_id} entry ${row.account_version}`).sort();
  }

  it("walks a clean ledger to the end in slices of 7, and every entry and account once", async () => {
    const { slices, entries, accounts, violations } = await verify(7);
    expect(violations).toEqual([]);
    expect(entries).toBe(await count("entries"));
    expect(accounts).toBe(await count("accounts"));
    // Full slices of entries, then one that ends with the first rows of the other tables, then those.
    const full = Math.floor(entries / 7);
    expect(slices.slice(0, full).map((slice) => Number(slice.checkedEntries))).toEqual(Array(full).fill(7));
    expect(slices[full]?.checkedEntries).toBe(BigInt(entries % 7));
    expect(slices.length).toBeGreaterThan(full + 1);
    expect(slices.slice(full + 1).every((slice) => slice.checkedEntries === 0n)).toBe(true);
  });

  it("looks at every entry exactly once, whatever the slices", async () => {
    await tamper('update entries set grant_movements = \'[["x","1"]]\', position = position + 10');
    for (const pageSize of [1, 7, await count("entries"), 500]) {
      const broken = (await verify(pageSize)).violations.filter(({ invariant }) => invariant === "entry-hash");
      expect(broken.map(({ row }) => row).sort()).toEqual(await entryRows());
    }
  });

  it("takes a small ledger in one call of 500", async () => {
    const { slices, entries } = await verify(500);
    expect(slices).toHaveLength(1);
    expect(entries).toBe(await count("entries"));
  });

  it("checks an empty ledger in one call", async () => {
    const empty = await startTestApp(backend);
    try {
      expect(await empty.economy.verifyLedger({})).toMatchObject({
        ...{ checkedAccounts: 0n, checkedEntries: 0n, violations: [], nextPageToken: "" },
      });
    } finally {
      await empty.stop();
    }
  });

  it("names a tampered row, and what is there", async () => {
    await tamper("update entries set amount_usd_micros = -1 where account_id = 'alice' and account_version = 3");
    const { violations } = await verify(7);
    expect(violations).toMatchObject([
      { invariant: "balance-after-chains", row: "account alice entry 3", detail: "leaves 9900000 instead of 10499999" },
      { invariant: "entry-hash", row: "account alice entry 3" },
      { invariant: "movements-sum-to-amount", row: "account alice entry 3" },
      { invariant: "balance-is-sum-of-entries", row: "account alice" },
      { invariant: "entries-sum-to-zero", row: `transaction ${history.debit}` },
    ]);
  });

  const TAMPERINGS: readonly (readonly [string, string, (history: History) => readonly [string, string]])[] = [
    [
      "an account's balance",
      "update accounts set balance_usd_micros = 1 where account_id = 'bob'",
      () => ["balance-is-sum-of-entries", "account bob"],
    ],
    [
      "an account's version",
      "update accounts set version = 9 where account_id = 'bob'",
      () => ["version-is-of-last-entry", "account bob entry 3"],
    ],
    [
      "an account's chain head",
      "update accounts set chain_head = (select chain_head from accounts where account_id = 'alice') where account_id = 'bob'",
      () => ["chain-head", "account bob"],
    ],
    [
      "what is held",
      "update accounts set held_usd_micros = 9000000000 where account_id = 'bob'",
      () => ["held-within-balance", "account bob"],
    ],
    [
      "a grant",
      "update credit_grants set remaining_usd_micros = 1 where account_id = 'bob'",
      () => ["grants-sum-to-balance", "account bob"],
    ],
    [
      "an account away",
      "delete from accounts where account_id = 'bob'",
      () => ["entry-has-account", "account bob entry 1"],
    ],
    [
      "a middle entry away",
      "delete from entries where account_id = 'alice' and account_version = 2",
      () => ["versions-without-gap", "account alice entry 2"],
    ],
    [
      "a last entry away",
      "delete from entries where account_id = 'alice' and account_version = 4",
      () => ["version-is-of-last-entry", "account alice entry 4"],
    ],
    [
      "all entries of an account away",
      "delete from entries where account_id = 'zed'",
      () => ["version-is-of-last-entry", "account zed entry 1"],
    ],
    [
      "grants to an account that isn't there",
      "update credit_grants set account_id = 'nobody' where account_id = 'erin'",
      () => ["grants-sum-to-balance", "account erin"],
    ],
    [
      "a transaction's type",
      "update transactions set type = 'TRANSFER' where description = 'first deposit'",
      () => ["entry-hash", "account alice entry 1"],
    ],
    [
      "a description",
      "update transactions set description = 'gift' where description = 'first deposit'",
      ({ deposit }) => ["details-digest", `transaction ${deposit}`],
    ],
    [
      "a generation's cost",
      "update generations set base_cost_usd_micros = base_cost_usd_micros + 1 where fee_usd_micros > 0",
      ({ settlement }) => ["settlement-takes-base-and-fee", `transaction ${settlement}`],
    ],
    [
      "a free generation's cost",
      "update generations set base_cost_usd_micros = 5 where pricing_unit = 'FREE'",
      ({ free }) => ["unsettled-charges-nothing", `generation ${free}`],
    ],
    [
      "a request's record",
      "update requests set request_id = 'other' where request_id = 'deposit-of-alice'",
      () => ["request-has-effect", "request other of tests"],
    ],
    [
      "an unknown stripe",
      "update accounts set account_id = 'sys:revenue#99' where account_id = 'erin'",
      () => ["known-platform-account", "account sys:revenue#99"],
    ],
  ];

  it.each(TAMPERINGS)("finds tampering with %s, the same in slices of any size", async (_, statement, found) => {
    await tamper(statement);
    const whole = rowsOf(await verify(500));
    expect(whole).toContainEqual(found(history));
    for (const pageSize of [7, 100]) {
      expect(rowsOf(await verify(pageSize)).sort()).toEqual([...whole].sort());
    }
  });

  it("finds a transaction that has lost all its entries, and a reward that has lost its transaction", async () => {
    await tamper(
      `delete from entries where transaction_id = '${history.debit}'`,
      `delete from transactions where transaction_id = '${history.settlement}'`,
    );
    for (const pageSize of [7, 500]) {
      const rows = rowsOf(await verify(pageSize));
      expect(rows).toContainEqual(["two-entries-at-least", `transaction ${history.debit}`]);
      expect(rows).toContainEqual(["reward-has-settlement", `transaction ${history.settlement} reward 0`]);
      expect(rows).toContainEqual(["entry-has-transaction", "account alice entry 4"]);
      expect(rows).toContainEqual(["completed-is-settled", `generation ${history.settled}`]);
    }
  });

  it("names at most 100 rows of a kind in a slice", async () => {
    const credit = (index: number) => ({
      ...{ requestId: `r-${index}`, accountId: `user-${index}`, amountUsdMicros: 5n, source: CreditSource.DEPOSIT },
    });
    const items = Array.from({ length: 150 }, (_, index) => ({
      item: { case: "credit" as const, value: credit(index) },
    }));
    await app.economy.batchPost({ items });
    await tamper("update accounts set held_usd_micros = 7 where account_id like 'user-%'");
    const [first] = (await verify(500)).slices;
    expect(first?.violations.filter(({ invariant }) => invariant === "held-within-balance")).toHaveLength(100);
  });

  it("of one account checks its entries and the transactions they belong to, and nothing else", async () => {
    expect(await verify(3, "alice")).toMatchObject({ accounts: 1, entries: 4, violations: [] });
    await tamper("update accounts set held_usd_micros = 9000000000 where account_id = 'bob'");
    await tamper("update transactions set description = 'gift' where description = 'first deposit'");
    for (const pageSize of [1, 2, 4, 5]) {
      expect(rowsOf(await verify(pageSize, "alice"))).toEqual([["details-digest", `transaction ${history.deposit}`]]);
      expect(rowsOf(await verify(pageSize, "bob"))).toEqual([
        ["held-within-balance", "account bob"],
        ["held-is-sum-of-active-holds", "account bob"],
      ]);
    }
  });

  it("of a platform account checks all stripes", async () => {
    const whole = await verify(2, "sys:revenue");
    const stripes = "account_id like 'sys:revenue#%'";
    expect(whole).toMatchObject({ entries: await count("entries", stripes), violations: [] });
    expect(whole.accounts).toBe(await count("accounts", stripes));
    await tamper("update accounts set balance_usd_micros = 1 where account_id like 'sys:revenue%'");
    const rows = rowsOf(await verify(2, "sys:revenue"));
    expect(rows).toHaveLength(whole.accounts);
    for (const [invariant, row] of rows) {
      expect(invariant).toBe("balance-is-sum-of-entries");
      expect(row).toMatch(/^account sys:revenue#\d\d$/);
    }
  });

  it("sees what is left of an account that is gone, and refuses one that never was", async () => {
    await tamper("delete from accounts where account_id = 'bob'");
    expect(rowsOf(await verify(50, "bob"))).toContainEqual(["entry-has-account", "account bob entry 1"]);
    const refused = await app.economy.verifyLedger({ accountId: "nobody" }).catch(ConnectError.from);
    expect(String(refused)).toContain("[not_found] account nobody has no entries");
  });

  it("finds nothing wrong while others write", async () => {
    let written = 0;
    const write = async (): Promise<void> => {
      const accountId = ["alice", "bob", "aaron", "zoe"][written % 4] ?? "";
      const request = { accountId, amountUsdMicros: 5n, source: CreditSource.DEPOSIT };
      await app.economy.credit({ ...request, requestId: `while-${++written}` });
    };
    const before = await count("entries");
    const { violations, entries } = await verify(5, "", write);
    expect(violations).toEqual([]);
    expect(entries).toBeGreaterThanOrEqual(before);
    expect(written).toBeGreaterThan(10);
  });

  it("notices an entry rewritten behind a slice that has passed it, by the next entry's hash", async () => {
    const first = await app.economy.verifyLedger({ accountId: "alice", pageSize: 2 });
    await tamper(
      "update entries set hash = (select hash from entries where account_id = 'bob' and account_version = 1) where account_id = 'alice' and account_version = 3",
    );
    const { nextPageToken: pageToken } = first;
    const second = await app.economy.verifyLedger({ accountId: "alice", pageSize: 2, pageToken });
    expect(second.violations.map(({ row }) => row)).toEqual(["account alice entry 3", "account alice entry 4"]);
  });

  it("takes a page token only with the account that it was issued for", async () => {
    const { nextPageToken: pageToken } = await app.economy.verifyLedger({ accountId: "alice", pageSize: 1 });
    for (const request of [
      { accountId: "bob", pageToken },
      { pageToken },
      { accountId: "alice", pageToken: `${pageToken}x` },
      { pageSize: -1 },
      { accountId: "sys:revenue#01" },
    ]) {
      const refused = await app.economy.verifyLedger(request).catch(ConnectError.from);
      expect(String(refused)).toContain("[invalid_argument]");
    }
  });

  it("refuses more slices at once than it has connections for, and goes on afterwards", async () => {
    const calls = await Promise.allSettled(Array.from({ length: 40 }, () => app.economy.verifyLedger({})));
    const refused = calls.filter((call) => call.status === "rejected");
    for (const { reason } of refused) expect(String(reason)).toContain("[resource_exhausted]");
    expect(refused.length).toBeLessThan(40);
    expect(await verify(500)).toMatchObject({ entries: await count("entries"), violations: [] });
  });
});
