import { expect } from "vitest";
import { dayOf } from "../../src/domain/earnings.js";
import { type Tampering, testTamperings } from "./tampering.js";

/** When the history begins; carol's spell is used on that day. */
const DAY = dayOf(1_700_000_000_000_000n);
const OF_SPELL = "account carol asset spell-c as SPELL_CREATOR";
const IS_OF_SPELL = "account_id = 'carol' and asset_id = 'spell-c'";

testTamperings("what a creator's earnings are read from", [
  ...(["earned_usd_micros", "clawed_back_usd_micros", "uses", "last_used_time"] as const).map(
    (column): Tampering => ({
      what: `${column} of a day is raised by 1`,
      sql: () => [`update asset_days set ${column} = ${column} + 1 where ${IS_OF_SPELL}`],
      found: () => [["asset-day-is-sum", `${OF_SPELL} day ${DAY}`]],
    }),
  ),
  {
    what: "a day is deleted",
    sql: () => [`delete from asset_days where ${IS_OF_SPELL}`],
    found: ({ settlement }) => [
      ["reward-is-in-asset-day", `transaction ${settlement} reward 0`],
      ["asset-users-are-counted", OF_SPELL],
    ],
  },
  {
    what: "a day is made up",
    sql: () => [
      `insert into asset_days (account_id, asset_id, role, day, earned_usd_micros, clawed_back_usd_micros, uses, new_users, last_used_time)
       values ('mallory', 'x', 'LORA_OWNER', ${DAY}, 5, 0, 1, 0, 1)`,
    ],
    found: () => [["asset-day-is-sum", `account mallory asset x as LORA_OWNER day ${DAY}`]],
  },
  {
    what: "a reward's amount is edited",
    sql: ({ settlement }) => [
      `update rewards set amount_usd_micros = 1 where transaction_id = '${settlement}' and position = 0`,
    ],
    found: () => [["asset-day-is-sum", `${OF_SPELL} day ${DAY}`]],
  },
  {
    what: "a reward is dated to another day",
    sql: ({ settlement }) => [
      `update rewards set create_time = create_time - 86400000000 where transaction_id = '${settlement}' and position = 0`,
    ],
    found: ({ settlement }) => [
      ["asset-day-is-sum", `${OF_SPELL} day ${DAY}`],
      ["reward-is-in-asset-day", `transaction ${settlement} reward 0`],
    ],
  },
  {
    what: "the users of a day are raised by 1",
    sql: () => [`update asset_days set new_users = new_users + 1 where ${IS_OF_SPELL}`],
    found: () => [["asset-users-are-counted", `${OF_SPELL} day ${DAY}`]],
  },
  {
    what: "a user is forgotten",
    sql: () => [`delete from asset_users where ${IS_OF_SPELL}`],
    found: ({ settlement }) => [["asset-users-are-counted", `transaction ${settlement} reward 0`]],
  },
  {
    what: "a user is made up",
    sql: () => [
      `insert into asset_users (account_id, asset_id, role, user_account_id, first_day)
       values ('carol', 'spell-c', 'SPELL_CREATOR', 'nobody', ${DAY})`,
    ],
    found: () => [["asset-users-are-counted", OF_SPELL]],
  },
  {
    what: "a clawback's amount is edited",
    sql: () => ["update clawbacks set amount_usd_micros = amount_usd_micros + 1"],
    found: () => [["asset-day-is-sum", expect.any(String) as unknown as string]],
  },
]);
