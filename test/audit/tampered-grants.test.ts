import { testTamperings } from "./tampering.js";

testTamperings("a grant", [
  {
    what: "what is left of a grant is edited",
    sql: ({ deposit }) => [
      `update credit_grants set remaining_usd_micros = remaining_usd_micros + 1 where transaction_id = '${deposit}'`,
    ],
    found: ({ depositGrant }) => [
      ["grant-remaining-is-moved", `account alice grant ${depositGrant}`],
      ["grants-sum-to-balance", "account alice"],
    ],
  },
  {
    what: "a grant goes below zero",
    sql: ({ promotion }) => [
      `update credit_grants set remaining_usd_micros = -1 where transaction_id = '${promotion}'`,
    ],
    found: ({ promotionGrant }) => [
      ["grant-not-below-zero", `account alice grant ${promotionGrant}`],
      ["grant-remaining-is-moved", `account alice grant ${promotionGrant}`],
      ["promotional-is-sum-of-grants", "account alice"],
    ],
  },
  {
    what: "what a grant issued is edited",
    sql: ({ deposit }) => [`update credit_grants set issued_usd_micros = 1 where transaction_id = '${deposit}'`],
    found: ({ depositGrant }) => [["grant-issued-is-received", `account alice grant ${depositGrant}`]],
  },
  {
    what: "a grant with money in it is closed",
    sql: ({ deposit }) => [`update credit_grants set is_open = false where transaction_id = '${deposit}'`],
    found: ({ depositGrant }) => [["grant-open-while-it-lasts", `account alice grant ${depositGrant}`]],
  },
  {
    what: "a grant becomes promotional",
    sql: ({ deposit }) => [`update credit_grants set category = 'PROMOTIONAL' where transaction_id = '${deposit}'`],
    found: () => [["promotional-is-sum-of-grants", "account alice"]],
  },
  {
    what: "a grant names another transaction",
    sql: ({ deposit, debit }) => [
      `update credit_grants set transaction_id = '${debit}' where transaction_id = '${deposit}'`,
    ],
    found: ({ depositGrant }) => [["grant-has-opening-transaction", `account alice grant ${depositGrant}`]],
  },
  {
    what: "a grant is deleted",
    sql: ({ deposit }) => [`delete from credit_grants where transaction_id = '${deposit}'`],
    found: ({ depositGrant }) => [
      ["movement-has-grant", `account alice grant ${depositGrant}`],
      ["grants-sum-to-balance", "account alice"],
    ],
  },
  {
    what: "promotional credit is edited",
    sql: () => ["update accounts set promotional_usd_micros = 1 where account_id = 'alice'"],
    found: () => [["promotional-is-sum-of-grants", "account alice"]],
  },
]);
