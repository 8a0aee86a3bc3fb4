import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADR_012_POLICY, type Attribution, feeOn, possibleCreators } from "../../src/domain/fees.js";

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
function chargeOf(baseUsdMicros: bigint, attribution: Attribution, asking = "user", charged = "user") {
  const fee = feeOn(baseUsdMicros, attribution, ADR_012_POLICY, asking, charged);
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
