import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADR_012_POLICY, type Attribution, feeOn, possibleCreators, type RewardPolicy } from "../../src/domain/fees.js";

/** "x:a" is LoRA x of a, "x:" one without an owner. */
function attributionOf(spell: string, ...loras: string[]): Attribution {
  const [spellId = "", spellOwner = ""] = spell.split(":");
  return {
    spell: spell === "" ? undefined : { spellId, ownerAccountId: spellOwner },
    loras: loras.map((lora) => {
      const [loraId = "", ownerAccountId = ""] = lora.split(":");
      return { loraId, ownerAccountId };
    }),
  };
}

/** What is charged and who gets what, as the table in the rules shows it. */
function chargeOf(
  baseUsdMicros: bigint,
  attribution: Attribution,
  asking = "user",
  charged = "user",
  policy: RewardPolicy = ADR_012_POLICY,
) {
  const fee = feeOn(baseUsdMicros, attribution, policy, asking, charged);
  return {
    charged: baseUsdMicros + fee.feeUsdMicros,
    rewards: fee.shares.map((share) => `${share.accountId} ${share.amountUsdMicros}`),
  };
}

describe("the micro-fee comes on top of the base", () => {
  it.each<[string, bigint, Attribution, bigint, string[]]>([
    [
      "LoRAs a, b, c of three others",
      1_000_000n,
      attributionOf("", "x:a", "y:b", "z:c"),
      1_050_000n,
      ["a 16667", "b 16667", "c 16666"],
    ],
    ["spell by c, no LoRA", 10_000n, attributionOf("s:c"), 10_600n, ["c 600"]],
    [
      "spell by c, LoRA of a, LoRA of the user",
      10_000n,
      attributionOf("s:c", "x:a", "y:user"),
      10_600n,
      ["c 300", "a 300"],
    ],
    ["own spell, LoRA of a", 10_000n, attributionOf("s:user", "x:a"), 10_500n, ["a 500"]],
    ["spell by c, only own LoRAs", 10_000n, attributionOf("s:c", "x:user", "y:user"), 10_300n, ["c 300"]],
    ["two LoRAs of a, one without owner", 10_000n, attributionOf("", "x:a", "y:a", "z:"), 10_500n, ["a 250", "a 250"]],
    ["spell by c, LoRA of a", 17n, attributionOf("s:c", "x:a"), 19n, ["c 1", "a 1"]],
    ["LoRA of a, where 5 % rounds to 0", 7n, attributionOf("", "x:a"), 7n, []],
    ["LoRA of a, LoRA of b", 10n, attributionOf("", "x:a", "y:b"), 11n, ["a 1"]],
  ])("%s on %i", (_, base, attribution, charged, rewards) => {
    expect(chargeOf(base, attribution)).toEqual({ charged, rewards });
  });

  it.each<[string, Attribution, bigint, string[]]>([
    ["nothing without creators", attributionOf(""), 10_000n, []],
    ["nothing for one's own spell alone", attributionOf("s:user"), 10_000n, []],
    ["nothing for a spell without an owner", attributionOf("s:"), 10_000n, []],
    ["the LoRA fee under a spell without an owner", attributionOf("s:", "x:a"), 10_500n, ["a 500"]],
    ["the creator's part where no LoRA has an owner", attributionOf("s:c", "x:"), 10_300n, ["c 300"]],
    [
      "for a LoRA once, however often it is listed",
      attributionOf("", "x:a", "y:b", "x:a"),
      10_500n,
      ["a 250", "b 250"],
    ],
    ["one owner for both of their works", attributionOf("s:a", "x:a"), 10_600n, ["a 300", "a 300"]],
  ])("charges %s", (_, attribution, charged, rewards) => {
    expect(chargeOf(10_000n, attribution)).toEqual({ charged, rewards });
  });

  it("pays neither the one who asked nor the one who pays", () => {
    const attribution = attributionOf("s:user", "x:guild", "y:a");
    expect(chargeOf(10_000n, attribution, "user", "guild")).toEqual({ charged: 10_500n, rewards: ["a 500"] });
    expect(chargeOf(10_000n, attribution, "user", "user")).toEqual({
      charged: 10_500n,
      rewards: ["guild 250", "a 250"],
    });
  });

  it("follows the rates of the policy it is given", () => {
    const policy = { ...ADR_012_POLICY, policyId: "other", loraFeeBps: 1_000, spellFeeBps: 800, spellCreatorBps: 600 };
    const feeOf = (attribution: Attribution) => feeOn(10_000n, attribution, policy, "user", "user").feeUsdMicros;
    expect(feeOf(attributionOf("", "x:a"))).toBe(1_000n);
    expect(feeOf(attributionOf("s:c"))).toBe(800n);
    expect(feeOn(10_000n, attributionOf("s:c", "x:a"), policy, "user", "user").shares).toEqual([
      { accountId: "c", role: "SPELL_CREATOR", assetId: "s", amountUsdMicros: 600n },
      { accountId: "a", role: "LORA_OWNER", assetId: "x", amountUsdMicros: 200n },
    ]);
  });
});

const POOL: RewardPolicy = {
  ...{ policyId: "pool", kind: "SHARED_POOL", poolBps: 1_000 },
  ...{ loraFeeBps: 0, spellFeeBps: 0, spellCreatorBps: 0 },
};

describe("a shared pool", () => {
  it.each<[string, bigint, number, Attribution, bigint, string[]]>([
    ["one LoRA takes it all", 10_000n, 1_000, attributionOf("", "x:a"), 11_000n, ["a 1000"]],
    [
      "spell and LoRAs have one share each",
      10_000n,
      1_000,
      attributionOf("s:c", "x:a", "y:b"),
      10_999n,
      ["c 333", "a 333", "b 333"],
    ],
    [
      "two works of one owner have two shares",
      10_000n,
      1_000,
      attributionOf("s:a", "x:a"),
      11_000n,
      ["a 500", "a 500"],
    ],
    [
      "what has no eligible owner has no share",
      10_000n,
      1_000,
      attributionOf("s:user", "x:a", "y:", "z:user"),
      11_000n,
      ["a 1000"],
    ],
    [
      "a LoRA listed twice has one share",
      10_000n,
      1_000,
      attributionOf("", "x:a", "y:b", "x:a"),
      11_000n,
      ["a 500", "b 500"],
    ],
    ["the pool is rounded down", 19n, 1_000, attributionOf("", "x:a"), 20n, ["a 1"]],
    ["shares of less than a micro are not charged", 20n, 1_000, attributionOf("", "x:a", "y:b", "z:c"), 20n, []],
    ["there is none without an eligible work", 10_000n, 1_000, attributionOf("s:user", "x:"), 10_000n, []],
    ["it may be empty", 10_000n, 0, attributionOf("s:c", "x:a"), 10_000n, []],
    ["it may be as large as the base", 10_000n, 10_000, attributionOf("s:c"), 20_000n, ["c 10000"]],
  ])("%s", (_, base, poolBps, attribution, charged, rewards) => {
    expect(chargeOf(base, attribution, "user", "user", { ...POOL, poolBps })).toEqual({ charged, rewards });
  });

  it("gives every share the same, and leaves less than one micro a share uncharged", () => {
    const owners = fc.array(fc.constantFrom("a", "b", "c", "user", ""), { maxLength: 8 });
    const bps = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), bps, owners, (base, poolBps, listed) => {
        const loras = listed.map((ownerAccountId, index) => ({ loraId: `x${index}`, ownerAccountId }));
        const { feeUsdMicros, shares } = feeOn(base, { loras }, { ...POOL, poolBps }, "user", "user");
        const pool = (base * BigInt(poolBps)) / 10_000n;
        const eligible = BigInt(listed.filter((owner) => owner !== "user" && owner !== "").length);
        expect(new Set(shares.map((share) => share.amountUsdMicros)).size).toBeLessThanOrEqual(1);
        expect(feeUsdMicros).toBeLessThanOrEqual(pool);
        if (eligible > 0n) expect(pool - feeUsdMicros).toBeLessThan(eligible);
      }),
    );
  });
});

describe("for any attribution", () => {
  const names = fc.constantFrom("user", "guild", "a", "b", "c", "");
  const loras = fc.array(fc.record({ loraId: fc.constantFrom("u", "v", "w", "x", "y", "z"), ownerAccountId: names }));
  const spells = fc.option(fc.record({ spellId: fc.constant("s"), ownerAccountId: names }), { nil: undefined });
  const attributions: fc.Arbitrary<Attribution> = fc.record({ spell: spells, loras });
  const bases = fc.oneof(fc.bigInt({ min: 1n, max: 200n }), fc.bigInt({ min: 1n, max: 1_000_000_000_000n }));
  const charges = fc.constantFrom("user", "guild");

  it("the fee is the sum of its shares and no share is 0", () => {
    fc.assert(
      fc.property(bases, attributions, charges, (base, attribution, charged) => {
        const { feeUsdMicros, shares } = feeOn(base, attribution, ADR_012_POLICY, "user", charged);
        expect(shares.reduce((sum, share) => sum + share.amountUsdMicros, 0n)).toBe(feeUsdMicros);
        for (const share of shares) expect(share.amountUsdMicros).toBeGreaterThan(0n);
      }),
    );
  });

  it("each work is paid at most once, to an owner who neither asked nor pays", () => {
    fc.assert(
      fc.property(bases, attributions, charges, (base, attribution, charged) => {
        const { shares } = feeOn(base, attribution, ADR_012_POLICY, "user", charged);
        const works = shares.map((share) => `${share.role} ${share.assetId}`);
        expect(new Set(works).size).toBe(works.length);
        for (const { accountId } of shares) expect(["", "user", charged]).not.toContain(accountId);
        expect(possibleCreators(attribution)).toEqual(expect.arrayContaining(shares.map((share) => share.accountId)));
      }),
    );
  });

  it("LoRA shares differ by at most a micro", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 200n, max: 10n ** 12n }), loras, (base, listed) => {
        const { shares } = feeOn(base, { loras: listed }, ADR_012_POLICY, "user", "user");
        for (const share of shares) {
          const difference = (shares[0]?.amountUsdMicros ?? 0n) - share.amountUsdMicros;
          expect([0n, 1n]).toContain(difference);
        }
      }),
    );
  });

  it("wrapping LoRAs in a spell of one's own changes nothing", () => {
    fc.assert(
      fc.property(bases, loras, (base, listed) => {
        const wrapped = { spell: { spellId: "s", ownerAccountId: "user" }, loras: listed };
        expect(feeOn(base, wrapped, ADR_012_POLICY, "user", "user")).toEqual(
          feeOn(base, { loras: listed }, ADR_012_POLICY, "user", "user"),
        );
      }),
    );
  });
});

it("possibleCreators names every owner there is, whoever asks", () => {
  expect(possibleCreators(attributionOf("s:c", "x:a", "y:", "z:user")).toSorted()).toEqual(["a", "c", "user"]);
  expect(possibleCreators(attributionOf("s:"))).toEqual([]);
});
