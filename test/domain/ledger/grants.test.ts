import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byBurnOrder,
  type CreditSource,
  DEFAULT_GRANT_PRIORITY,
  defaultCategory,
  isDue,
  planBurn,
  planRestore,
} from "../../../src/domain/ledger/grants.js";
import type { CreditCategory, Grant } from "../../../src/domain/ledger/rows.js";
import { sampleGrant } from "../samples.js";

it.each<[CreditSource, CreditCategory]>([
  ["DEPOSIT", "PAID"],
  ["PURCHASE", "PAID"],
  ["ADJUSTMENT", "PAID"],
  ["PROMOTION", "PROMOTIONAL"],
  ["ADMIN_GIFT", "PROMOTIONAL"],
  ["COMPENSATION", "PROMOTIONAL"],
])("a %s is %s unless the credit says otherwise", (source, category) => {
  expect(defaultCategory(source)).toBe(category);
});

it("a grant of no stated priority burns in the middle of 0 to 100", () => {
  expect(DEFAULT_GRANT_PRIORITY).toBe(50);
});

const arbitraryGrants = fc
  .array(
    fc.record({
      priority: fc.constantFrom(0, 50, 100),
      category: fc.constantFrom<CreditCategory>("PAID", "PROMOTIONAL"),
      expireTime: fc.constantFrom(null, 1n, 2n),
      accountVersion: fc.constantFrom(1n, 2n),
      remainingUsdMicros: fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 1_000n })),
    }),
  )
  .map((grants) => grants.map((grant, index) => sampleGrant({ ...grant, grantId: `grant-${index}` })));

describe("debits burn", () => {
  const later = { accountVersion: 2n } as const;
  const endless = { expireTime: null, category: "PROMOTIONAL" } as const;

  it.each<[string, Partial<Grant>, Partial<Grant>]>([
    ["the lower priority first", { priority: 49, ...later }, { priority: 50, expireTime: 1n, category: "PROMOTIONAL" }],
    ["the earliest to end first", { expireTime: 1n, ...later }, { expireTime: 2n, category: "PROMOTIONAL" }],
    ["what never ends last", { expireTime: 253_402_300_799_999_998n, ...later }, endless],
    ["promotional before paid", { category: "PROMOTIONAL", ...later }, { category: "PAID" }],
    ["the oldest first of those alike", { grantId: "z", createTime: 9n }, { grantId: "a", createTime: 1n, ...later }],
    ["the lower id first of one entry", { grantId: "a" }, { grantId: "b" }],
  ])("%s", (_, sooner, after) => {
    expect(byBurnOrder(sampleGrant(sooner), sampleGrant(after))).toBeLessThan(0);
    expect(byBurnOrder(sampleGrant(after), sampleGrant(sooner))).toBeGreaterThan(0);
  });

  it("in one order, however the grants were read", () => {
    const shuffled = arbitraryGrants.chain((grants) =>
      fc.tuple(
        fc.constant(grants),
        fc.shuffledSubarray(grants, { minLength: grants.length, maxLength: grants.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([grants, otherwise]) => {
        expect(otherwise.toSorted(byBurnOrder)).toEqual(grants.toSorted(byBurnOrder));
      }),
    );
  });
});

describe("planBurn", () => {
  const promotional = sampleGrant({ grantId: "gift", category: "PROMOTIONAL", remainingUsdMicros: 30n });
  const spent = sampleGrant({ grantId: "spent", remainingUsdMicros: 0n });
  const paid = sampleGrant({ grantId: "paid", remainingUsdMicros: 100n });

  it("empties one grant before it touches the next, and leaves out the spent ones", () => {
    expect(planBurn([promotional, spent, paid], 50n)).toEqual({
      movements: [
        ["gift", -30n],
        ["paid", -20n],
      ],
      uncoveredUsdMicros: 0n,
    });
  });

  it("says what the grants don't cover", () => {
    expect(planBurn([promotional], 50n)).toMatchObject({ movements: [["gift", -30n]], uncoveredUsdMicros: 20n });
    expect(planBurn([], 50n)).toEqual({ movements: [], uncoveredUsdMicros: 50n });
  });

  it("accounts for the whole amount, never overdraws a grant and changes nothing itself", () => {
    fc.assert(
      fc.property(arbitraryGrants, fc.bigInt({ min: 0n, max: 3_000n }), (grants, amount) => {
        const before = structuredClone(grants);
        const plan = planBurn(grants, amount);
        expect(grants).toEqual(before);

        const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
        let burned = 0n;
        plan.movements.forEach(([grantId, moved], index) => {
          const grant = byId.get(grantId) as Grant;
          const isLast = index === plan.movements.length - 1;
          expect(-moved).toBeGreaterThan(0n);
          expect(-moved).toBeLessThanOrEqual(grant.remainingUsdMicros);
          if (!isLast) expect(-moved).toBe(grant.remainingUsdMicros);
          burned -= moved;
        });
        const total = grants.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
        expect(burned).toBe(amount < total ? amount : total);
        expect(plan.uncoveredUsdMicros).toBe(amount - burned);
      }),
    );
  });
});

it.each<[string, Partial<Grant>, boolean]>([
  ["that never ends", { expireTime: null }, false],
  ["that ends a micro later", { expireTime: 5_001n }, false],
  ["that ends now", { expireTime: 5_000n }, true],
  ["that has ended and is spent", { expireTime: 1n, remainingUsdMicros: 0n }, false],
])("a grant %s is due: %s", (_, grant, expected) => {
  expect(isDue(sampleGrant(grant), 5_000n)).toBe(expected);
});

describe("planRestore", () => {
  const burned = [
    ["first", -30n],
    ["second", -20n],
    ["third", -50n],
  ] as const;

  it("fills the grants that were burned last first", () => {
    expect(planRestore(burned, 0n, 60n)).toEqual([
      ["third", 50n],
      ["second", 10n],
    ]);
  });

  it("goes on where earlier refunds stopped", () => {
    expect(planRestore(burned, 60n, 40n)).toEqual([
      ["second", 10n],
      ["first", 30n],
    ]);
  });

  it("gives each grant back exactly what was burned of it, however a refund is cut", () => {
    const movements = fc.array(fc.bigInt({ min: 1n, max: 50n }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(movements, fc.array(fc.bigInt({ min: 1n, max: 40n })), (taken, cuts) => {
        const plan = taken.map((amount, index): [string, bigint] => [`grant-${index}`, -amount]);
        let left = taken.reduce((sum, amount) => sum + amount, 0n);
        let back = 0n;
        const restored = new Map<string, bigint>();
        for (const cut of [...cuts, left]) {
          const amount = cut < left ? cut : left;
          const moved = planRestore(plan, back, amount);
          expect(moved.reduce((sum, [, part]) => sum + part, 0n)).toBe(amount);
          for (const [grantId, part] of moved) restored.set(grantId, (restored.get(grantId) ?? 0n) + part);
          back += amount;
          left -= amount;
        }
        expect(restored).toEqual(new Map(plan.map(([grantId, amount]) => [grantId, -amount])));
      }),
    );
  });
});
