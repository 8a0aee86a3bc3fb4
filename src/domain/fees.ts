import { basisPoints, splitEvenly } from "./money.js";

export const REWARD_ROLES = ["LORA_OWNER", "SPELL_CREATOR"] as const;

export type RewardRole = (typeof REWARD_ROLES)[number];

/** Whose work a generation uses. Owners may be empty: nobody is to be rewarded. */
export interface Attribution {
  readonly spell?: { readonly spellId: string; readonly ownerAccountId: string } | undefined;
  /** In listed order; one listed twice counts once. */
  readonly loras: readonly { readonly loraId: string; readonly ownerAccountId: string }[];
}

/** The rule by which fees are worked out, stored with each generation when it is created. Rates in hundredths of a percent. */
export interface RewardPolicy {
  readonly policyId: string;
  readonly kind: "ADR_012";
  /** On LoRAs used without an eligible spell. */
  readonly loraFeeBps: number;
  /** On a spell, all in all. */
  readonly spellFeeBps: number;
  /** The spell creator's part of it where the spell uses LoRAs. */
  readonly spellCreatorBps: number;
}

/** ADR-012: 5 % for LoRAs, 6 % for spells, half of that to the creator where LoRAs share it. */
export const ADR_012_POLICY: RewardPolicy = {
  policyId: "adr-012",
  kind: "ADR_012",
  loraFeeBps: 500,
  spellFeeBps: 600,
  spellCreatorBps: 300,
};

/** One creator's share of a fee. */
export interface RewardShare {
  readonly accountId: string;
  readonly role: RewardRole;
  readonly assetId: string;
  readonly amountUsdMicros: bigint;
}

export interface Fee {
  /** The sum of the shares. */
  readonly feeUsdMicros: bigint;
  /** Spell first, then LoRAs in listed order; none of 0. */
  readonly shares: readonly RewardShare[];
}

/**
 * The micro-fee on a base cost (rules 2). It comes on top of the base. An owner who asked or pays gets nothing and nobody pays
 * a fee for them; a part with no one to receive it is not charged.
 * @param askingAccountId who asked for the generation
 * @param chargedAccountId who actually pays
 */
export function feeOn(
  baseUsdMicros: bigint,
  attribution: Attribution,
  policy: RewardPolicy,
  askingAccountId: string,
  chargedAccountId: string,
): Fee {
  const isEligible = (owner: string): boolean =>
    owner !== "" && owner !== askingAccountId && owner !== chargedAccountId;
  const loras = distinctLoras(attribution);
  const eligibleLoras = loras.filter((lora) => isEligible(lora.ownerAccountId));
  const spell = attribution.spell && isEligible(attribution.spell.ownerAccountId) ? attribution.spell : undefined;

  const shares: RewardShare[] = [];
  if (spell) {
    const bps = loras.length === 0 ? policy.spellFeeBps : policy.spellCreatorBps;
    shares.push({
      accountId: spell.ownerAccountId,
      role: "SPELL_CREATOR",
      assetId: spell.spellId,
      amountUsdMicros: basisPoints(baseUsdMicros, bps),
    });
  }
  if (eligibleLoras.length > 0) {
    const bps = spell ? policy.spellFeeBps - policy.spellCreatorBps : policy.loraFeeBps;
    const parts = splitEvenly(basisPoints(baseUsdMicros, bps), eligibleLoras.length);
    eligibleLoras.forEach((lora, index) => {
      shares.push({
        accountId: lora.ownerAccountId,
        role: "LORA_OWNER",
        assetId: lora.loraId,
        amountUsdMicros: parts[index] as bigint,
      });
    });
  }
  const paid = shares.filter((share) => share.amountUsdMicros > 0n);
  return { feeUsdMicros: paid.reduce((sum, share) => sum + share.amountUsdMicros, 0n), shares: paid };
}

/** A LoRA counts once per generation, however often it is listed: the first mention stands. */
function distinctLoras(attribution: Attribution): Attribution["loras"] {
  const seen = new Set<string>();
  return attribution.loras.filter((lora) => !seen.has(lora.loraId) && seen.add(lora.loraId));
}

/** Every account that a fee on this attribution could go to, whoever pays. */
export function possibleCreators(attribution: Attribution): string[] {
  const owners = attribution.loras.map((lora) => lora.ownerAccountId);
  if (attribution.spell) owners.push(attribution.spell.ownerAccountId);
  return owners.filter((owner) => owner !== "");
}
