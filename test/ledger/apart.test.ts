import { describe, expect, it } from "vitest";
import { Claims, whoWaits } from "../../src/ledger/apart.js";

const always = () => true;

/** What is put off of a batch, by index, while another one has these accounts. */
function waiting(
  taken: readonly string[],
  accountsOfEach: readonly (readonly string[])[],
  mayWait: (index: number) => boolean = always,
): number[] {
  const claims = new Claims();
  claims.begin().accountIds = new Set(taken);
  return [...whoWaits(accountsOfEach, claims.begin(), mayWait)];
}

describe("a batch beside another one", () => {
  it("puts off the commands that need an account of the other's", () => {
    expect(waiting(["ann", "ben"], [["cat"], ["ann"], ["dan", "ben"], ["eve"]])).toEqual([1, 2]);
  });

  it("puts nobody off if nothing is shared", () => {
    expect(waiting(["ann"], [["ben"], ["cat", "dan"]])).toEqual([]);
  });

  it("waits for the other one, with all its commands, if most of them would have to", () => {
    expect(waiting(["ann"], [["ann"], ["ann", "ben"], ["cat"]])).toEqual([]);
    expect(waiting(["ann"], [["ann"], ["cat"]])).toEqual([0]);
  });

  it("waits for the other one if somebody has been put off too often", () => {
    expect(waiting(["ann"], [["ann"], ["ben"], ["cat"]], (index) => index !== 0)).toEqual([]);
    expect(waiting(["ann"], [["ann"], ["ben"], ["cat"]], (index) => index === 0)).toEqual([0]);
  });

  it("has an account to itself once the other one has ended, and never minds its own", () => {
    const claims = new Claims();
    const [first, second] = [claims.begin(), claims.begin()];
    first.accountIds = new Set(["ann"]);
    second.accountIds = new Set(["ben"]);
    expect([second.isFree("ann"), second.isFree("ben")]).toEqual([false, true]);
    first.end();
    expect(second.isFree("ann")).toBe(true);
  });
});
