import { expect, it } from "vitest";
import {
  ACCOUNT_ID_PATTERN,
  isPlatformAccount,
  PLATFORM_ACCOUNTS,
  publicAccountId,
  storedAccountIds,
  stripeOf,
} from "../../src/domain/accounts.js";

it.each(["a", "0xAbC-1_2.3:4", "sys:revenue"])("%s can be an account_id", (accountId) => {
  expect(accountId).toMatch(ACCOUNT_ID_PATTERN);
});

it.each(["", "a b", "a\n", "sys:revenue#03", "é", "a/b"])("%j can't be an account_id", (accountId) => {
  expect(accountId).not.toMatch(ACCOUNT_ID_PATTERN);
});

it("an account_id has at most 128 characters", () => {
  expect("x".repeat(128)).toMatch(ACCOUNT_ID_PATTERN);
  expect("x".repeat(129)).not.toMatch(ACCOUNT_ID_PATTERN);
});

it.each([
  ["sys:revenue", true],
  ["sys:anything", true],
  ["system", false],
  ["SYS:revenue", false],
  ["user:sys:", false],
])("whether %s is a platform account: %s", (accountId, isPlatform) => {
  expect(isPlatformAccount(accountId)).toBe(isPlatform);
});

it("a user's account is kept in one row of its own name", () => {
  expect(storedAccountIds("alice")).toEqual(["alice"]);
  expect(publicAccountId("alice")).toBe("alice");
});

it.each(PLATFORM_ACCOUNTS)("%s is kept in 16 stripes that callers know by its plain name", (accountId) => {
  const stored = storedAccountIds(accountId);
  expect(new Set(stored).size).toBe(16);
  expect(stored[0]).toBe(`${accountId}#00`);
  expect(stored[15]).toBe(`${accountId}#15`);
  expect(new Set(stored.map(publicAccountId))).toEqual(new Set([accountId]));
  expect(publicAccountId(accountId)).toBe(accountId);
});

it("a stripe's name has two digits and is nothing that a caller can name", () => {
  expect(stripeOf("sys:revenue", 3)).toBe("sys:revenue#03");
  expect(stripeOf("sys:revenue", 3)).not.toMatch(ACCOUNT_ID_PATTERN);
});
