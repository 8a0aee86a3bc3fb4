import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { payersOf, planSettlement } from "../../../src/domain/generation/settlement.js";
import { sampleGeneration } from "../samples.js";

/** Asked for by "user": two LoRAs of a, one of b. */
const generation = sampleGeneration({
  attribution: {
    loras: [
      { loraId: "x", ownerAccountId: "a" },
      { loraId: "y", ownerAccountId: "b" },
      { loraId: "z", ownerAccountId: "a" },
    ],
  },
});

const funds =
  (amounts: Record<string, bigint>) =>
  (accountId: string): bigint =>
    amounts[accountId] ?? 0n;

describe("a settlement", () => {
  it("takes base and fee from the payer, gives the base to revenue and each creator one entry", () => {
    const plan = planSettlement(generation, 1_000_000n, ["user"], funds({ user: 1_050_000n }));
    expect(plan).toMatchObject({
      kind: "payable",
      chargedAccountId: "user",
      fee: {
        feeUsdMicros: 50_000n,
        shares: [{ amountUsdMicros: 16_667n }, { amountUsdMicros: 16_667n }, { amountUsdMicros: 16_666n }],
      },
      lines: [
        { accountId: "user", amountUsdMicros: -1_050_000n },
        { accountId: "sys:revenue", amountUsdMicros: 1_000_000n },
        { accountId: "a", amountUsdMicros: 33_333n },
        { accountId: "b", amountUsdMicros: 16_667n },
      ],
    });
  });

  it("has no line for creators who get nothing", () => {
    const plan = planSettlement(generation, 7n, ["user"], funds({ user: 7n }));
    expect(plan).toMatchObject({
      lines: [
        { accountId: "user", amountUsdMicros: -7n },
        { accountId: "sys:revenue", amountUsdMicros: 7n },
      ],
    });
  });

  it("is short when a single micro is missing", () => {
    expect(planSettlement(generation, 1_000_000n, ["user"], funds({ user: 1_049_999n }))).toEqual({
      kind: "short",
      accountId: "user",
      availableUsdMicros: 1_049_999n,
      requiredUsdMicros: 1_050_000n,
    });
  });

  it("charges the first payer who can pay it all", () => {
    const rich = { user: 2_000_000n, guild: 2_000_000n };
    const charged = (amounts: Record<string, bigint>) =>
      planSettlement(generation, 1_000_000n, ["user", "guild"], funds(amounts));
    expect(charged(rich)).toMatchObject({ chargedAccountId: "user" });
    expect(charged({ ...rich, user: 1_049_999n })).toMatchObject({ chargedAccountId: "guild" });
  });

  it("holds each payer against its own amount: an owner who pays gets no share and pays none", () => {
    const plan = planSettlement(generation, 1_000n, ["user", "a"], funds({ user: 1_049n, a: 1_050n }));
    expect(plan).toMatchObject({
      kind: "payable",
      chargedAccountId: "a",
      fee: { feeUsdMicros: 50n, shares: [{ accountId: "b", amountUsdMicros: 50n }] },
    });
    const onlyOwn = sampleGeneration({ attribution: { loras: [{ loraId: "x", ownerAccountId: "a" }] } });
    expect(planSettlement(onlyOwn, 1_000n, ["user", "a"], funds({ user: 1_049n, a: 1_000n }))).toMatchObject({
      kind: "payable",
      chargedAccountId: "a",
      fee: { feeUsdMicros: 0n, shares: [] },
    });
  });

  it("names the shortfall of the first payer when nobody can pay", () => {
    expect(planSettlement(generation, 1_000n, ["user", "guild"], funds({ user: 3n, guild: 1_049n }))).toEqual({
      kind: "short",
      accountId: "user",
      availableUsdMicros: 3n,
      requiredUsdMicros: 1_050n,
    });
  });

  it("is never planned without a payer", () => {
    expect(() => planSettlement(generation, 1_000n, [], funds({}))).toThrow("needs a payer");
  });

  it("always sums to zero, with one line an account and none of 0", () => {
    const owners = fc.constantFrom("user", "guild", "a", "b", "c", "");
    const attributions = fc.record({
      spell: fc.option(fc.record({ spellId: fc.constant("s"), ownerAccountId: owners }), { nil: undefined }),
      loras: fc.array(fc.record({ loraId: fc.constantFrom("x", "y", "z", "w"), ownerAccountId: owners })),
    });
    fc.assert(
      fc.property(attributions, fc.bigInt({ min: 1n, max: 10n ** 12n }), (attribution, base) => {
        const plan = planSettlement(sampleGeneration({ attribution }), base, ["guild"], () => 2n * base);
        if (plan.kind !== "payable") throw new Error("twice the base covers every fee");
        expect(plan.lines.reduce((sum, line) => sum + line.amountUsdMicros, 0n)).toBe(0n);
        const accounts = plan.lines.map((line) => line.accountId);
        expect(new Set(accounts).size).toBe(accounts.length);
        expect(plan.lines.map((line) => line.amountUsdMicros)).not.toContain(0n);
        for (const line of plan.lines.slice(2)) {
          const shares = plan.fee.shares.filter((share) => share.accountId === line.accountId);
          expect(line.amountUsdMicros).toBe(shares.reduce((sum, share) => sum + share.amountUsdMicros, 0n));
        }
      }),
    );
  });
});

it.each([
  ["", ["user"]],
  ["user", ["user"]],
  ["guild", ["user", "guild"]],
])("with fallback %j the payers are %j", (fallbackPayerAccountId, payers) => {
  expect(payersOf(sampleGeneration({ payerAccountId: "user", fallbackPayerAccountId }))).toEqual(payers);
});
