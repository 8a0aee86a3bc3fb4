import { testTamperings } from "./tampering.js";

testTamperings("a transaction or a request", [
  {
    what: "a description is edited",
    sql: ({ deposit }) => [`update transactions set description = 'gift' where transaction_id = '${deposit}'`],
    found: ({ deposit }) => [["details-digest", `transaction ${deposit}`]],
  },
  {
    what: "a label is edited",
    sql: ({ deposit }) => [
      `update transactions set metadata = '{"chain":"2","wallet":"0xdef"}' where transaction_id = '${deposit}'`,
    ],
    found: ({ deposit }) => [["details-digest", `transaction ${deposit}`]],
  },
  {
    what: "a transaction's type is edited",
    sql: ({ debit }) => [`update transactions set type = 'CREDIT' where transaction_id = '${debit}'`],
    found: () => [["entry-hash", "account alice entry 3"]],
  },
  {
    what: "a transaction's time is edited",
    sql: ({ debit }) => [`update transactions set create_time = create_time - 1 where transaction_id = '${debit}'`],
    found: () => [["entry-hash", "account alice entry 3"]],
  },
  {
    what: "an external reference is edited",
    sql: ({ deposit }) => [`update transactions set external_reference = '0x0' where transaction_id = '${deposit}'`],
    found: () => [["entry-hash", "account alice entry 1"]],
  },
  {
    what: "a transaction is deleted",
    sql: ({ debit }) => [`delete from transactions where transaction_id = '${debit}'`],
    found: () => [["entry-has-transaction", "account alice entry 3"]],
  },
  {
    what: "a transaction's entries are all deleted",
    sql: ({ debit }) => [`delete from entries where transaction_id = '${debit}'`],
    found: ({ debit }) => [
      ["two-entries-at-least", `transaction ${debit}`],
      ["versions-without-gap", "account alice entry 3"],
    ],
  },
  {
    what: "a request's record is deleted",
    sql: ({ deposit }) => [`delete from requests where resource_id = '${deposit}'`],
    found: ({ deposit }) => [["request-is-recorded", `transaction ${deposit}`]],
  },
  {
    what: "a request's record names another transaction",
    sql: ({ deposit, debit }) => [`update requests set resource_id = '${debit}' where resource_id = '${deposit}'`],
    found: ({ deposit }) => [
      ["request-is-recorded", `transaction ${deposit}`],
      ["request-has-effect", "request deposit-of-alice of tests"],
    ],
  },
  {
    what: "a request's record is of another kind",
    sql: ({ deposit }) => [`update requests set resource_kind = 'GENERATION' where resource_id = '${deposit}'`],
    found: ({ deposit }) => [
      ["request-is-recorded", `transaction ${deposit}`],
      ["request-has-effect", "request deposit-of-alice of tests"],
    ],
  },
]);
