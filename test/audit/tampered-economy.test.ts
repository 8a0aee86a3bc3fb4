import { expect } from "vitest";
import { testTamperings } from "./tampering.js";

const LONG_AGO = 1_600_000_000_000_000n;

testTamperings("a hold", [
  {
    what: "an active hold's amount is edited",
    sql: ({ activeHold }) => [`update holds set amount_usd_micros = 1 where hold_id = '${activeHold}'`],
    found: () => [["held-is-sum-of-active-holds", "account holly"]],
  },
  {
    what: "what an account holds is edited",
    sql: () => ["update accounts set held_usd_micros = held_usd_micros + 1 where account_id = 'holly'"],
    found: () => [["held-is-sum-of-active-holds", "account holly"]],
  },
  {
    what: "an active hold is deleted",
    sql: ({ activeHold }) => [`delete from holds where hold_id = '${activeHold}'`],
    found: () => [["held-is-sum-of-active-holds", "account holly"]],
  },
  {
    what: "a released hold becomes active again",
    sql: ({ releasedHold }) => [`update holds set state = 'ACTIVE' where hold_id = '${releasedHold}'`],
    found: () => [
      ["held-is-sum-of-active-holds", "account holly"],
      ["next-expiry-in-time", "account holly"],
    ],
  },
  {
    what: "more is captured than was held",
    sql: ({ capturedHold }) => [
      `update holds set captured_usd_micros = amount_usd_micros + 1 where hold_id = '${capturedHold}'`,
    ],
    found: ({ capturedHold }) => [["captured-within-hold", `account holly hold ${capturedHold}`]],
  },
  {
    what: "nothing is captured by a capture",
    sql: ({ capturedHold }) => [`update holds set captured_usd_micros = 0 where hold_id = '${capturedHold}'`],
    found: ({ capturedHold }) => [["captured-within-hold", `account holly hold ${capturedHold}`]],
  },
  ...(["releasedHold", "expiredHold", "activeHold"] as const).map((name) => ({
    what: `something is captured of the ${name}`,
    sql: (history: Record<typeof name, string>) => [
      `update holds set captured_usd_micros = 1 where hold_id = '${history[name]}'`,
    ],
    found: (history: Record<typeof name, string>) =>
      [["captured-within-hold", `account holly hold ${history[name]}`]] as const,
  })),
  {
    what: "a generation ends and its hold doesn't",
    sql: ({ waiting }) => [`update generations set state = 'FAILED' where generation_id = '${waiting}'`],
    found: ({ waitingHold }) => [["active-hold-has-generation", `account holly hold ${waitingHold}`]],
  },
  {
    what: "a generation forgets its hold",
    sql: ({ waiting }) => [`update generations set hold_id = null where generation_id = '${waiting}'`],
    found: ({ waitingHold }) => [["active-hold-has-generation", `account holly hold ${waitingHold}`]],
  },
  {
    what: "the generation of a hold is deleted",
    sql: ({ waiting }) => [`delete from generations where generation_id = '${waiting}'`],
    found: ({ waitingHold }) => [["active-hold-has-generation", `account holly hold ${waitingHold}`]],
  },
  {
    what: "a hold moves to an account that doesn't exist",
    sql: ({ activeHold }) => [`update holds set account_id = 'hob' where hold_id = '${activeHold}'`],
    found: ({ activeHold }) => [
      ["hold-has-account", `account hob hold ${activeHold}`],
      ["held-is-sum-of-active-holds", "account holly"],
    ],
  },
  {
    what: "the hold that a request made is deleted",
    sql: ({ releasedHold }) => [`delete from holds where hold_id = '${releasedHold}'`],
    found: () => [["request-has-effect", expect.stringMatching(/^request .* of tests$/) as unknown as string]],
  },
]);

testTamperings("what ends", [
  {
    what: "an account forgets when a hold of it ends",
    sql: () => ["update accounts set next_expiry_time = 9223372036854775807 where account_id = 'holly'"],
    found: () => [["next-expiry-in-time", "account holly"]],
  },
  {
    what: "an account is to be looked at too late for a grant",
    sql: () => ["update accounts set next_expiry_time = next_expiry_time + 1 where account_id = 'gina'"],
    found: () => [["next-expiry-in-time", "account gina"]],
  },
  {
    what: "a grant ends earlier than its account knows",
    sql: ({ depositGrant }) => [
      `update credit_grants set expire_time = ${LONG_AGO} where grant_id = '${depositGrant}'`,
    ],
    found: () => [["next-expiry-in-time", "account alice"]],
  },
  {
    what: "a grant expired before its time",
    sql: ({ endedGrant }) => [
      `update credit_grants set expire_time = expire_time + 30 * 86400000000 where grant_id = '${endedGrant}'`,
    ],
    found: ({ endedGrant }) => [["expiry-takes-ended-grants", `account gina grant ${endedGrant}`]],
  },
  {
    what: "a grant expired that never ends",
    sql: ({ endedGrant }) => [
      `update credit_grants set expire_time = 9223372036854775807 where grant_id = '${endedGrant}'`,
    ],
    found: ({ endedGrant }) => [["expiry-takes-ended-grants", `account gina grant ${endedGrant}`]],
  },
  {
    what: "an expiry gives to revenue",
    sql: () => [
      "update entries set account_id = 'sys:revenue#15', account_version = 999 where account_id like 'sys:breakage#%'",
    ],
    found: () => [["platform-side-of-type", expect.stringMatching(/^transaction /) as unknown as string]],
  },
  {
    what: "what a refund put back is issued again",
    sql: ({ paidGrant }) => [
      `update credit_grants set issued_usd_micros = issued_usd_micros + 300000 where grant_id = '${paidGrant}'`,
    ],
    found: ({ paidGrant }) => [["grant-issued-is-received", `account gina grant ${paidGrant}`]],
  },
  {
    what: "more is left of a grant than it issued",
    sql: ({ paidGrant }) => [
      `update credit_grants set remaining_usd_micros = issued_usd_micros + 1 where grant_id = '${paidGrant}'`,
    ],
    found: ({ paidGrant }) => [["grant-within-issued", `account gina grant ${paidGrant}`]],
  },
]);

testTamperings("a refund", [
  {
    what: "less is refunded of a transaction than its refunds gave",
    sql: ({ halfBack }) => [`update transactions set refunded_usd_micros = 0 where transaction_id = '${halfBack}'`],
    found: ({ halfBack }) => [
      ["refunded-is-sum-of-refunds", `transaction ${halfBack}`],
      ["refunded-is-sum-of-parts", `transaction ${halfBack}`],
    ],
  },
  {
    what: "more is refunded of a transaction than it took",
    sql: ({ paidDebit }) => [
      `update transactions set refunded_usd_micros = 300001 where transaction_id = '${paidDebit}'`,
    ],
    found: ({ paidDebit }) => [
      ["refunded-within-taken", `transaction ${paidDebit}`],
      ["refunded-is-sum-of-refunds", `transaction ${paidDebit}`],
    ],
  },
  {
    what: "something is refunded of a transfer",
    sql: ({ transfer }) => [`update transactions set refunded_usd_micros = 1 where transaction_id = '${transfer}'`],
    found: ({ transfer }) => [["refunded-within-taken", `transaction ${transfer}`]],
  },
  {
    what: "a refund is turned into another one's",
    sql: ({ promotedRefund, transfer }) => [
      `update transactions set refund_of_transaction_id = '${transfer}' where transaction_id = '${promotedRefund}'`,
    ],
    found: ({ promotedRefund, promotedDebit }) => [
      ["refund-names-refundable", `transaction ${promotedRefund}`],
      ["refunded-is-sum-of-refunds", `transaction ${promotedDebit}`],
      ["entry-hash", "account gina entry 6"],
    ],
  },
  {
    what: "a refund names nothing",
    sql: ({ promotedRefund }) => [
      `update transactions set refund_of_transaction_id = null where transaction_id = '${promotedRefund}'`,
    ],
    found: ({ promotedRefund }) => [["refund-names-refundable", `transaction ${promotedRefund}`]],
  },
  {
    what: "the transaction that a refund names is deleted",
    sql: ({ paidDebit }) => [`delete from transactions where transaction_id = '${paidDebit}'`],
    found: ({ paidRefund }) => [["refund-names-refundable", `transaction ${paidRefund}`]],
  },
  {
    what: "a transfer gives back a debit",
    sql: ({ transfer, debit }) => [
      `update transactions set refund_of_transaction_id = '${debit}' where transaction_id = '${transfer}'`,
    ],
    found: ({ transfer }) => [["refund-names-refundable", `transaction ${transfer}`]],
  },
  {
    what: "a refund pays somebody else",
    sql: ({ paidRefund }) => [
      `update entries set account_id = 'tim' where transaction_id = '${paidRefund}' and position = 0`,
    ],
    found: ({ paidRefund }) => [["refund-pays-payer-back", `transaction ${paidRefund}`]],
  },
  {
    what: "a reward's refunded part is edited",
    sql: ({ halfBack }) => [
      `update rewards set refunded_usd_micros = refunded_usd_micros + 1 where transaction_id = '${halfBack}' and position = 0`,
    ],
    found: ({ halfBack }) => [["refunded-is-sum-of-parts", `transaction ${halfBack}`]],
  },
  {
    what: "more is refunded of a reward than it was",
    sql: ({ halfBack }) => [
      `update rewards set refunded_usd_micros = amount_usd_micros + 1 where transaction_id = '${halfBack}' and position = 1`,
    ],
    found: ({ halfBack }) => [["reward-refunded-within-amount", `transaction ${halfBack} reward 1`]],
  },
  {
    what: "more is taken back of a reward than was refunded",
    sql: ({ halfBack }) => [
      `update rewards set clawed_back_usd_micros = refunded_usd_micros + 1 where transaction_id = '${halfBack}' and position = 1`,
    ],
    found: ({ halfBack }) => [
      ["reward-refunded-within-amount", `transaction ${halfBack} reward 1`],
      ["clawed-back-is-sum-of-clawbacks", `transaction ${halfBack} reward 1`],
    ],
  },
  {
    what: "less than nothing is taken back of a reward",
    sql: ({ halfBack }) => [
      `update rewards set clawed_back_usd_micros = -1 where transaction_id = '${halfBack}' and position = 0`,
    ],
    found: ({ halfBack }) => [["reward-refunded-within-amount", `transaction ${halfBack} reward 0`]],
  },
  {
    what: "a clawback is deleted",
    sql: ({ halfRefund }) => [`delete from clawbacks where transaction_id = '${halfRefund}'`],
    found: ({ halfBack, halfRefund }) => [
      ["clawed-back-is-sum-of-clawbacks", `transaction ${halfBack} reward 0`],
      ["clawbacks-are-creator-entries", `transaction ${halfRefund}`],
    ],
  },
  {
    what: "a clawback's amount is edited",
    sql: ({ halfRefund }) => [`update clawbacks set amount_usd_micros = 1 where transaction_id = '${halfRefund}'`],
    found: ({ halfBack, halfRefund }) => [
      ["clawed-back-is-sum-of-clawbacks", `transaction ${halfBack} reward 0`],
      ["clawbacks-are-creator-entries", `transaction ${halfRefund}`],
    ],
  },
  {
    what: "a clawback names another asset",
    sql: ({ halfRefund }) => [`update clawbacks set asset_id = 'x' where transaction_id = '${halfRefund}'`],
    found: ({ halfRefund }) => [["clawback-has-reward", `transaction ${halfRefund} clawback 0`]],
  },
  {
    what: "a clawback belongs to a debit",
    sql: ({ halfRefund, debit }) => [
      `update clawbacks set transaction_id = '${debit}' where transaction_id = '${halfRefund}'`,
    ],
    found: ({ debit, halfRefund }) => [
      ["clawback-has-reward", `transaction ${debit} clawback 0`],
      ["clawbacks-are-creator-entries", `transaction ${halfRefund}`],
    ],
  },
]);

testTamperings("the platform's side", [
  {
    what: "an old balance becomes a credit",
    sql: ({ legacyImport }) => [`update transactions set type = 'CREDIT' where transaction_id = '${legacyImport}'`],
    found: ({ legacyImport }) => [
      ["platform-side-of-type", `transaction ${legacyImport}`],
      ["entry-hash", "account lena entry 1"],
    ],
  },
  {
    what: "a deposit becomes an old balance",
    sql: ({ deposit }) => [`update transactions set type = 'LEGACY_IMPORT' where transaction_id = '${deposit}'`],
    found: ({ deposit }) => [["platform-side-of-type", `transaction ${deposit}`]],
  },
  {
    what: "a hold's capture becomes a transfer",
    sql: ({ capture }) => [`update transactions set type = 'TRANSFER' where transaction_id = '${capture}'`],
    found: ({ capture }) => [["platform-side-of-type", `transaction ${capture}`]],
  },
]);
