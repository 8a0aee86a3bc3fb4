import { ENTRY_COLUMNS, testTamperings } from "./tampering.js";

testTamperings("an account or an entry", [
  {
    what: "an entry's amount is edited",
    sql: () => ["update entries set amount_usd_micros = -1 where account_id = 'alice' and account_version = 3"],
    found: ({ debit }) => [
      ["entry-hash", "account alice entry 3"],
      ["balance-after-chains", "account alice entry 3"],
      ["movements-sum-to-amount", "account alice entry 3"],
      ["balance-is-sum-of-entries", "account alice"],
      ["entries-sum-to-zero", `transaction ${debit}`],
    ],
  },
  {
    what: "an entry's balance is edited",
    sql: () => ["update entries set balance_after_usd_micros = -5 where account_id = 'alice' and account_version = 2"],
    found: () => [
      ["entry-hash", "account alice entry 2"],
      ["balance-after-chains", "account alice entry 2"],
      ["only-platform-below-zero", "account alice entry 2"],
    ],
  },
  {
    what: "an entry's hash is edited",
    sql: () => [
      `update entries set hash = (select hash from entries where account_id = 'bob' and account_version = 1)
       where account_id = 'alice' and account_version = 2`,
    ],
    found: () => [["entry-hash", "account alice entry 2"]],
  },
  {
    what: "the last entry is deleted",
    sql: () => ["delete from entries where account_id = 'alice' and account_version = 4"],
    found: ({ settlement }) => [
      ["version-is-of-last-entry", "account alice entry 4"],
      ["balance-is-sum-of-entries", "account alice"],
      ["chain-head", "account alice"],
      ["entries-sum-to-zero", `transaction ${settlement}`],
      ["settlement-charges-named-account", `transaction ${settlement}`],
      ["settlement-takes-base-and-fee", `transaction ${settlement}`],
    ],
  },
  {
    what: "a middle entry is deleted",
    sql: () => ["delete from entries where account_id = 'alice' and account_version = 2"],
    found: ({ promotion }) => [
      ["versions-without-gap", "account alice entry 2"],
      ["balance-after-chains", "account alice entry 3"],
      ["entry-hash", "account alice entry 3"],
      ["balance-is-sum-of-entries", "account alice"],
      ["two-entries-at-least", `transaction ${promotion}`],
      ["entries-sum-to-zero", `transaction ${promotion}`],
    ],
  },
  {
    what: "an entry is added at the end",
    sql: () => [
      `insert into entries (${ENTRY_COLUMNS})
       select transaction_id, 9, account_id, 5, 0, balance_after_usd_micros, '[]', hash
       from entries where account_id = 'alice' and account_version = 4`,
    ],
    found: () => [
      ["entry-hash", "account alice entry 5"],
      ["version-is-of-last-entry", "account alice"],
    ],
  },
  {
    what: "an entry is added at the beginning",
    sql: () => [
      `insert into entries (${ENTRY_COLUMNS})
       select transaction_id, 9, account_id, 0, 0, 0, '[]', hash
       from entries where account_id = 'alice' and account_version = 1`,
    ],
    found: () => [
      ["versions-without-gap", "account alice entry 0"],
      ["entry-hash", "account alice entry 0"],
    ],
  },
  {
    what: "two entries change places",
    sql: () => [
      "update entries set account_version = 99 where account_id = 'alice' and account_version = 1",
      "update entries set account_version = 1 where account_id = 'alice' and account_version = 2",
      "update entries set account_version = 2 where account_id = 'alice' and account_version = 99",
    ],
    found: () => [["entry-hash", "account alice entry 1"]],
  },
  {
    what: "an entry moves to an account that doesn't exist",
    sql: () => ["update entries set account_id = 'aaron' where account_id = 'alice' and account_version = 4"],
    found: () => [
      ["entry-has-account", "account aaron entry 4"],
      ["version-is-of-last-entry", "account alice entry 4"],
    ],
  },
  {
    what: "a balance is edited",
    sql: () => ["update accounts set balance_usd_micros = balance_usd_micros + 7 where account_id = 'alice'"],
    found: () => [
      ["balance-is-sum-of-entries", "account alice"],
      ["grants-sum-to-balance", "account alice"],
      ["all-accounts-sum-to-zero", "trial balance"],
    ],
  },
  {
    what: "a user's balance goes below zero",
    sql: () => ["update accounts set balance_usd_micros = -1 where account_id = 'bob'"],
    found: () => [
      ["only-platform-below-zero", "account bob"],
      ["balance-is-sum-of-entries", "account bob"],
    ],
  },
  {
    what: "more is held than there is",
    sql: () => ["update accounts set held_usd_micros = balance_usd_micros + 1 where account_id = 'bob'"],
    found: () => [["held-within-balance", "account bob"]],
  },
  {
    what: "less than nothing is held",
    sql: () => ["update accounts set held_usd_micros = -1 where account_id = 'bob'"],
    found: () => [["held-within-balance", "account bob"]],
  },
  {
    what: "an account's version is set back",
    sql: () => ["update accounts set version = 3 where account_id = 'alice'"],
    found: () => [["version-is-of-last-entry", "account alice"]],
  },
  {
    what: "an account's chain head is edited",
    sql: () => [
      `update accounts set chain_head = (select hash from entries where account_id = 'alice' and account_version = 3)
       where account_id = 'alice'`,
    ],
    found: () => [["chain-head", "account alice"]],
  },
  {
    what: "an account is deleted",
    sql: () => ["delete from accounts where account_id = 'alice'"],
    found: ({ depositGrant, promotionGrant }) => [
      ["entry-has-account", "account alice entry 1"],
      ["grant-has-account", `account alice grant ${[depositGrant, promotionGrant].sort()[0]}`],
      ["all-accounts-sum-to-zero", "trial balance"],
    ],
  },
  {
    what: "an account is added",
    sql: () => [
      `insert into accounts (account_id, balance_usd_micros, held_usd_micros, promotional_usd_micros, version, chain_head, next_expiry_time, create_time, update_time)
       select 'mallory', 0, 0, 0, 0, chain_head, next_expiry_time, create_time, update_time from accounts where account_id = 'alice'`,
    ],
    found: () => [
      ["account-has-entries", "account mallory"],
      ["chain-head", "account mallory"],
    ],
  },
  {
    what: "a platform account is made up",
    sql: () => ["update accounts set account_id = 'sys:slush' where account_id = 'bob'"],
    found: () => [["known-platform-account", "account sys:slush"]],
  },
]);
