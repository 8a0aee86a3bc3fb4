import { describe, expect, it } from "vitest";
import { ADR_012_POLICY } from "../../src/domain/fees.js";
import { effectiveFrom, policyInForce, policyTerms, type RewardPolicyRow } from "../../src/domain/reward-policies.js";

const NOW = 1_900_000_000_000_000n;
const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;

function policy(policyId: string, effectiveTime: bigint, createTime = 0n): RewardPolicyRow {
  return { ...ADR_012_POLICY, policyId, effectiveTime, createTime };
}

describe("a policy comes into force", () => {
  it.each<[string, bigint | undefined, bigint]>([
    ["now, if nothing is said", undefined, NOW],
    ["now, at this very time", NOW, NOW],
    ["at a time to come", NOW + 1n, NOW + 1n],
    ["now, if its time is up to a minute ago: clocks differ", NOW - 60n * SECOND, NOW],
    ["as late as in 366 days", NOW + 366n * DAY, NOW + 366n * DAY],
  ])("%s", (_, asked, effective) => {
    expect(effectiveFrom(asked, NOW)).toBe(effective);
  });

  it.each([NOW - 60n * SECOND - 1n, 0n, NOW + 366n * DAY + 1n])("at no time like %i", (asked) => {
    expect(() => effectiveFrom(asked, NOW)).toThrow(
      expect.objectContaining({
        reason: "INVALID_FIELDS",
        violations: [
          { field: "policy.effective_time", description: "takes a time that isn't past and at most 366 days ahead" },
        ],
      }),
    );
  });
});

describe("of several policies", () => {
  const policies = [policy("b", 20n), policy("a", 0n), policy("c", 30n)];

  it.each<[bigint, string | undefined]>([
    [0n, "a"],
    [19n, "a"],
    [20n, "b"],
    [29n, "b"],
    [30n, "c"],
    [10n ** 18n, "c"],
  ])("at %i %s is in force", (time, policyId) => {
    expect(policyInForce(policies, time)?.policyId).toBe(policyId);
  });

  it("with one time the one set later is in force, of two set at once the one with the higher id", () => {
    const atOnce = [policy("b", 20n, 5n), policy("d", 20n, 4n), policy("a", 20n, 5n)];
    expect(policyInForce(atOnce, 20n)?.policyId).toBe("b");
    expect(policyInForce(atOnce.toReversed(), 20n)?.policyId).toBe("b");
  });

  it("none is in force before the first", () => {
    expect(policyInForce([policy("a", 1n)], 0n)).toBeUndefined();
    expect(policyInForce([], 0n)).toBeUndefined();
  });
});

it("a generation keeps the terms of a policy without its times", () => {
  expect(policyTerms(policy("adr-012", 5n, 6n))).toEqual(ADR_012_POLICY);
});
