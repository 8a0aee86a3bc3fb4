import { basisPoints, splitEvenly } from "./money.js";

export const REWARD_ROLES = ["LORA_OWNER", "SPELL_CREATOR"] as const;

export type RewardRole = (typeof REWARD_ROLES)[number];

/** Whose work a generation uses. Owners may be empty: nobody is to be rewarded. */
export interface Attribution {
  readonly spell?: { readonly spellId: string; readonly ownerAccountId: string } | undefined;
  /** In listed order; one listed twice counts once. */
  readonly loras: readonly { readonly loraId: string; readonly ownerAccountId: string }[];
}

/** The rule by which fees are worked out, stored with each generation when it is created. Rates in hundredths of a percent; 0 where the kind has no use for one. */
export interface RewardPolicy {
  readonly policyId: string;
  readonly kind: "ADR_012" | "SHARED_POOL";
  /** On LoRAs used without an eligible spell. */
  readonly loraFeeBps: number;
  /** On a spell, all in all. */
  readonly spellFeeBps: number;
  /** The spell creator's part of it where the spell uses LoRAs. */
  readonly spellCreatorBps: number;
  /** What the eligible LoRAs and the eligible spell share. */
  readonly poolBps: number;
}

/** ADR-012: 5 % for LoRAs, 6 % for spells, half of that to the creator where LoRAs share it. In force until another policy is set. */
export const ADR_012_POLICY: RewardPolicy = {
  policyId: "adr-012",
  kind: "ADR_012",
  loraFeeBps: 500,
  spellFeeBps: 600,
  spellCreatorBps: 300,
  poolBps: 0,
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
  const eligible: EligibleWorks = {
    spell: attribution.spell && isEligible(attribution.spell.ownerAccountId) ? attribution.spell : undefined,
    loras: loras.filter((lora) => isEligible(lora.ownerAccountId)),
    usesLoras: loras.length > 0,
  };
  const shares =
    policy.kind === "SHARED_POOL"
      ? poolShares(baseUsdMicros, eligible, policy)
      : adr012Shares(baseUsdMicros, eligible, policy);
  const paid = shares.filter((share) => share.amountUsdMicros > 0n);
  return { feeUsdMicros: paid.reduce((sum, share) => sum + share.amountUsdMicros, 0n), shares: paid };
}

/** Works whose owners may be rewarded. */
interface EligibleWorks {
  readonly spell: Attribution["spell"];
  /** In listed order, each once. */
  readonly loras: Attribution["loras"];
  /** Whether any LoRA is used, eligible or not. */
  readonly usesLoras: boolean;
}

/** Each part is a rate of the base, rounded half up; the LoRA part is split evenly (rules 2.2-2.5). */
function adr012Shares(
  baseUsdMicros: bigint,
  { spell, loras, usesLoras }: EligibleWorks,
  policy: RewardPolicy,
): RewardShare[] {
  const shares: RewardShare[] = [];
  if (spell) {
    const bps = usesLoras ? policy.spellCreatorBps : policy.spellFeeBps;
    shares.push(spellShare(spell, basisPoints(baseUsdMicros, bps)));
  }
  if (loras.length > 0) {
    const bps = spell ? policy.spellFeeBps - policy.spellCreatorBps : policy.loraFeeBps;
    const parts = splitEvenly(basisPoints(baseUsdMicros, bps), loras.length);
    loras.forEach((lora, index) => {
      shares.push(loraShare(lora, parts[index] as bigint));
    });
  }
  return shares;
}

/** Every eligible work has one share of the pool; pool and share are rounded down, and the remainder is not charged (rules 2, SHARED_POOL). */
function poolShares(baseUsdMicros: bigint, { spell, loras }: EligibleWorks, policy: RewardPolicy): RewardShare[] {
  const count = BigInt(loras.length + (spell ? 1 : 0));
  if (count === 0n) return [];
  const share = (baseUsdMicros * BigInt(policy.poolBps)) / 10_000n / count;
  return [...(spell ? [spellShare(spell, share)] : []), ...loras.map((lora) => loraShare(lora, share))];
}

function spellShare(spell: NonNullable<Attribution["spell"]>, amountUsdMicros: bigint): RewardShare {
  return { accountId: spell.ownerAccountId, role: "SPELL_CREATOR", assetId: spell.spellId, amountUsdMicros };
}

function loraShare(lora: Attribution["loras"][number], amountUsdMicros: bigint): RewardShare {
  return { accountId: lora.ownerAccountId, role: "LORA_OWNER", assetId: lora.loraId, amountUsdMicros };
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
