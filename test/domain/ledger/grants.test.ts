import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byBurnOrder,
  type CreditSource,
  DEFAULT_GRANT_PRIORITY,
  defaultCategory,
  grantIdFor,
  planBurn,
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
      createTime: fc.constantFrom(1n, 2n),
      remainingUsdMicros: fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 1_000n })),
    }),
  )
  .map((grants) => grants.map((grant, index) => sampleGrant({ ...grant, grantId: `grant-${index}` })));

describe("debits burn", () => {
  const later = { createTime: 2_000n } as const;

  it.each<[string, Partial<Grant>, Partial<Grant>]>([
    ["the lower priority first", { priority: 49, ...later }, { priority: 50, category: "PROMOTIONAL" }],
    ["promotional before paid", { category: "PROMOTIONAL", ...later }, { category: "PAID" }],
    ["the oldest first of those alike", { grantId: "z" }, { grantId: "a", ...later }],
    ["the lower id first of one time", { grantId: "a" }, { grantId: "b" }],
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
      promotionalUsdMicros: 30n,
      uncoveredUsdMicros: 0n,
    });
  });

  it("says what the grants don't cover", () => {
    expect(planBurn([promotional], 50n)).toMatchObject({ movements: [["gift", -30n]], uncoveredUsdMicros: 20n });
    expect(planBurn([], 50n)).toEqual({ movements: [], promotionalUsdMicros: 0n, uncoveredUsdMicros: 50n });
  });

  it("accounts for the whole amount, never overdraws a grant and changes nothing itself", () => {
    fc.assert(
      fc.property(arbitraryGrants, fc.bigInt({ min: 0n, max: 3_000n }), (grants, amount) => {
        const before = structuredClone(grants);
        const plan = planBurn(grants, amount);
        expect(grants).toEqual(before);

        const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
        let burned = 0n;
        let promotionalBurned = 0n;
        plan.movements.forEach(([grantId, moved], index) => {
          const grant = byId.get(grantId) as Grant;
          const isLast = index === plan.movements.length - 1;
          expect(-moved).toBeGreaterThan(0n);
          expect(-moved).toBeLessThanOrEqual(grant.remainingUsdMicros);
          if (!isLast) expect(-moved).toBe(grant.remainingUsdMicros);
          burned -= moved;
          if (grant.category === "PROMOTIONAL") promotionalBurned -= moved;
        });
        const total = grants.reduce((sum, grant) => sum + grant.remainingUsdMicros, 0n);
        expect(burned).toBe(amount < total ? amount : total);
        expect(plan.uncoveredUsdMicros).toBe(amount - burned);
        expect(plan.promotionalUsdMicros).toBe(promotionalBurned);
      }),
    );
  });
});

describe("a grant's id", () => {
  // Computed by another program: replaying the same commands must make the same ids.
  it("is the same for the same transaction and account", () => {
    expect(grantIdFor("transaction-1", "user")).toBe("26ae80ea-5c07-8c75-9abf-62bd0da67295");
  });

  it("is a UUID of its own for each transaction and account", () => {
    const ids = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,8}$/);
    fc.assert(
      fc.property(fc.tuple(ids, ids), fc.tuple(ids, ids), (one, other) => {
        expect(grantIdFor(...one)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const isSame = one[0] === other[0] && one[1] === other[1];
        expect(grantIdFor(...one) === grantIdFor(...other)).toBe(isSame);
      }),
    );
  });
});
