import { expect, it } from "vitest";
import type { AuditReport } from "../../src/audit/audit.js";
import { formatReport } from "../../src/audit/report.js";

const CLEAN: AuditReport = {
  checked: { accounts: 3, entries: 8, transactions: 4, generations: 2 },
  violations: [],
  trialBalance: [
    { accountId: "sys:deposits", balanceUsdMicros: -11_100_000n, accounts: 2 },
    { accountId: "sys:revenue", balanceUsdMicros: 1n, accounts: 1 },
    { accountId: "users", balanceUsdMicros: 11_099_999n, accounts: 1 },
  ],
};

it("reports a clean store with an aligned trial balance", () => {
  expect(formatReport(CLEAN)).toBe(`Checked 3 accounts, 8 entries, 4 transactions, 2 generations.

Trial balance (US$)
  sys:deposits  -11.100000
  sys:revenue     0.000001
  users          11.099999
  sum             0.000000

clean
`);
});

it("reports each violation on a line of its own, whatever its row is called", () => {
  const report = formatReport({
    ...CLEAN,
    violations: [
      { invariant: "chain-head", row: "account alice", detail: "isn't the hash of its last entry", count: 1 },
      { invariant: "entry-hash", row: "account a\n\u001B[2Jb entry 7", detail: "its hash is wrong", count: 12 },
    ],
  });
  expect(report).not.toContain("clean");
  expect(report).not.toContain("\u001B");
  expect(report.split("\n").slice(-4)).toEqual([
    "Broken: 2",
    "  chain-head: account alice: isn't the hash of its last entry. An account's chain head is the hash of its last entry.",
    "  entry-hash: account a  [2Jb entry 7: its hash is wrong (and 11 more). An entry's hash is that of the entry before it and everything of this one that lasts.",
    "",
  ]);
});
