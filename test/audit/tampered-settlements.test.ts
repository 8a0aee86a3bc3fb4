import { type Tampering, testTamperings } from "./tampering.js";

testTamperings("a settlement, a reward or a generation", [
  {
    what: "a settlement becomes a debit",
    sql: ({ settlement }) => [`update transactions set type = 'DEBIT' where transaction_id = '${settlement}'`],
    found: ({ settled, settlement }) => [
      ["entry-hash", "account alice entry 4"],
      ["reward-has-settlement", `transaction ${settlement} reward 0`],
      ["completed-is-settled", `generation ${settled}`],
    ],
  },
  {
    what: "a settlement is deleted",
    sql: ({ settlement }) => [`delete from transactions where transaction_id = '${settlement}'`],
    found: ({ settlement, settled }) => [
      ["entry-has-transaction", "account alice entry 4"],
      ["completed-is-settled", `generation ${settled}`],
      ["reward-has-settlement", `transaction ${settlement} reward 0`],
    ],
  },
  {
    what: "a reward is deleted",
    sql: ({ settlement }) => [`delete from rewards where transaction_id = '${settlement}' and position = 1`],
    found: ({ settlement }) => [
      ["fee-is-sum-of-rewards", `transaction ${settlement}`],
      ["rewards-are-creator-entries", `transaction ${settlement}`],
    ],
  },
  {
    what: "a reward's amount is edited",
    sql: ({ settlement }) => [
      `update rewards set amount_usd_micros = 1 where transaction_id = '${settlement}' and position = 0`,
    ],
    found: ({ settlement }) => [
      ["fee-is-sum-of-rewards", `transaction ${settlement}`],
      ["rewards-are-creator-entries", `transaction ${settlement}`],
    ],
  },
  {
    what: "a reward goes to someone else",
    sql: ({ settlement }) => [
      `update rewards set account_id = 'mallory' where transaction_id = '${settlement}' and position = 0`,
    ],
    found: ({ settlement }) => [["rewards-are-creator-entries", `transaction ${settlement}`]],
  },
  {
    what: "a reward names another generation",
    sql: ({ settlement, free }) => [
      `update rewards set generation_id = '${free}' where transaction_id = '${settlement}' and position = 2`,
    ],
    found: ({ settlement }) => [["reward-has-settlement", `transaction ${settlement} reward 2`]],
  },
  {
    what: "a generation's fee is edited",
    sql: ({ settled }) => [`update generations set fee_usd_micros = 1 where generation_id = '${settled}'`],
    found: ({ settlement }) => [
      ["fee-is-sum-of-rewards", `transaction ${settlement}`],
      ["settlement-takes-base-and-fee", `transaction ${settlement}`],
    ],
  },
  {
    what: "a generation's base cost is edited",
    sql: ({ settled }) => [`update generations set base_cost_usd_micros = 1 where generation_id = '${settled}'`],
    found: ({ settlement }) => [
      ["settlement-takes-base-and-fee", `transaction ${settlement}`],
      ["settlement-pays-base", `transaction ${settlement}`],
    ],
  },
  {
    what: "a generation names another reward policy",
    sql: ({ settled }) => [
      `update generations set reward_policy = '{"policyId":"other"}' where generation_id = '${settled}'`,
    ],
    found: ({ settlement }) => [["settlement-names-policy", `transaction ${settlement}`]],
  },
  {
    what: "a generation names another payer",
    sql: ({ settled }) => [`update generations set charged_account_id = 'bob' where generation_id = '${settled}'`],
    found: ({ settlement }) => [["settlement-charges-named-account", `transaction ${settlement}`]],
  },
  ...(["pending", "failed", "paymentFailed"] as const).map(
    (state): Tampering => ({
      what: `a generation is set from ${state} to COMPLETED`,
      sql: (history) => [`update generations set state = 'COMPLETED' where generation_id = '${history[state]}'`],
      found: (history) => [["completed-is-settled", `generation ${history[state]}`]],
    }),
  ),
  {
    what: "a paid generation is set to FAILED",
    sql: ({ settled }) => [`update generations set state = 'FAILED' where generation_id = '${settled}'`],
    found: ({ settled, settlement }) => [
      ["settlement-has-generation", `transaction ${settlement}`],
      ["only-completed-is-settled", `generation ${settled}`],
    ],
  },
  {
    what: "a failed generation names a transaction",
    sql: ({ failed, debit }) => [
      `update generations set transaction_id = '${debit}' where generation_id = '${failed}'`,
    ],
    found: ({ failed }) => [["only-completed-is-settled", `generation ${failed}`]],
  },
  {
    what: "a paid generation becomes free",
    sql: ({ settled }) => [`update generations set pricing_unit = 'FREE' where generation_id = '${settled}'`],
    found: ({ settled }) => [
      ["only-completed-is-settled", `generation ${settled}`],
      ["unsettled-charges-nothing", `generation ${settled}`],
    ],
  },
  {
    what: "a free generation gets a price",
    sql: ({ free }) => [`update generations set base_cost_usd_micros = 5 where generation_id = '${free}'`],
    found: ({ free }) => [["unsettled-charges-nothing", `generation ${free}`]],
  },
  {
    what: "a generation that nobody paid gets a fee",
    sql: ({ paymentFailed }) => [`update generations set fee_usd_micros = 5 where generation_id = '${paymentFailed}'`],
    found: ({ paymentFailed }) => [["unsettled-charges-nothing", `generation ${paymentFailed}`]],
  },
  {
    what: "a generation forgets its settlement",
    sql: ({ settled }) => [`update generations set transaction_id = null where generation_id = '${settled}'`],
    found: ({ settled, settlement }) => [
      ["settlement-has-generation", `transaction ${settlement}`],
      ["completed-is-settled", `generation ${settled}`],
    ],
  },
  {
    what: "a generation is settled twice",
    sql: ({ settled, debit }) => [
      "drop index transactions_settlement",
      `update transactions set type = 'GENERATION_SETTLEMENT', generation_id = '${settled}' where transaction_id = '${debit}'`,
    ],
    found: ({ settled, debit }) => [
      ["entry-hash", "account alice entry 3"],
      ["settlement-has-generation", `transaction ${debit}`],
      ["completed-is-settled", `generation ${settled}`],
    ],
  },
  {
    what: "a settlement's generation is no id at all",
    sql: ({ settlement }) => [`update transactions set generation_id = 'x' where transaction_id = '${settlement}'`],
    found: ({ settled, settlement }) => [
      ["settlement-has-generation", `transaction ${settlement}`],
      ["completed-is-settled", `generation ${settled}`],
    ],
  },
  {
    what: "a settled generation is deleted",
    sql: ({ settled }) => [`delete from generations where generation_id = '${settled}'`],
    found: ({ settlement }) => [["settlement-has-generation", `transaction ${settlement}`]],
  },
]);
