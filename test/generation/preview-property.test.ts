import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { RewardPolicyKind } from "../../src/gen/stationthis/rewards/v1/rewards_pb.js";
import { ClockedApp } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const { SECOND, RUN, TOKEN } = PricingUnit;

/** Roles in a run: who asks, who pays and three creators. "" is nobody. */
const ROLES = ["asker", "payer", "anna", "ben", "carol"] as const;
const owner = fc.constantFrom("", ...ROLES);

/** Up to 90 dollars a unit, with twelve decimals. */
const rate = fc.bigInt({ min: 1n, max: 90n * 10n ** 12n }).map(asDecimal);
const bps = fc.integer({ min: 0, max: 10_000 });

const pricing = fc.record({
  unit: fc.constantFrom(SECOND, RUN, TOKEN),
  rateUsd: rate,
  multiplier: fc.constantFrom("", "1", "1.25", "0.333333333333"),
  minimumChargeUsdMicros: fc.constantFrom(0n, 1n, 5_000n),
});
/** Up to an hour, to the microsecond. */
const micros = fc.bigInt({ min: 0n, max: 3_600_000_000n });
const quantity = fc.bigInt({ min: 0n, max: 3_600n });
const attribution = fc.record({
  spell: fc.option(owner),
  loras: fc.array(fc.record({ lora: fc.constantFrom("x", "y", "z", "u", "v"), owner }), { maxLength: 6 }),
});
const policy = fc.oneof(
  fc.record({ loraFeeBps: bps, spellFeeBps: bps, part: bps }).map(({ loraFeeBps, spellFeeBps, part }) => ({
    ...{ kind: RewardPolicyKind.ADR_012, loraFeeBps, spellFeeBps },
    spellCreatorBps: Math.floor((spellFeeBps * part) / 10_000),
  })),
  bps.map((poolBps) => ({ kind: RewardPolicyKind.SHARED_POOL, poolBps })),
);

/** A run that is previewed and then settled. Fast-check prints the seed of one that fails. */
describe.each([
  ["sqlite", 60],
  ["postgres", 25],
] as const)("a preview on %s", (backend, numRuns) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("flux");
  });
  afterAll(() => app.stop());

  it("is what is held, charged and paid to each creator, to the micro, whatever the price, the works and the policy", async () => {
    const runs = fc.record({
      pricing,
      micros,
      quantity,
      attribution,
      policy,
      isOwnPayer: fc.boolean(),
      placeHold: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(runs, async (run) => {
        const people = new Map<string, string>(ROLES.map((role) => [role, someone(role)]));
        const accountId = people.get("asker") as string;
        const payer = run.isOwnPayer ? accountId : (people.get("payer") as string);
        const payerAccountId = run.isOwnPayer ? "" : payer;
        await app.credit(payer, 1_000_000_000_000n);
        await app.rewards.setRewardPolicy({ requestId: randomUUID(), policy: run.policy });
        const order = { toolId: "flux", accountId, payerAccountId, pricing: run.pricing, ...worksOf(run, people) };
        const duration = { seconds: run.micros / 1_000_000n, nanos: Number(run.micros % 1_000_000n) * 1_000 };
        const isByToken = run.pricing.unit === TOKEN;
        const cost = isByToken
          ? { case: "quantity" as const, value: run.quantity }
          : { case: "runDuration" as const, value: duration };

        const previewed = await app.generations.previewCost({ ...order, cost });
        const alone = await app.rewards.previewRewards({ ...order, baseCostUsdMicros: previewed.baseCostUsdMicros });
        const created = await app.generations.createGeneration({
          ...{ requestId: randomUUID(), ...order, placeHold: run.placeHold },
          estimate: isByToken
            ? { case: "estimatedQuantity", value: run.quantity }
            : { case: "estimatedRunDuration", value: duration },
        });
        const generationId = created.generation?.generationId ?? "";
        const settled = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, cost });

        const { baseCostUsdMicros, feeUsdMicros, totalCostUsdMicros, rewardPolicyId } = previewed;
        expect(previewed.affordable).toBe(true);
        expect(settled.generation).toMatchObject({
          ...{ state: GenerationState.COMPLETED, chargedAccountId: payer, rewardPolicyId },
          ...{ baseCostUsdMicros, feeUsdMicros, totalCostUsdMicros },
        });
        if (run.placeHold) expect(created.hold?.amountUsdMicros).toBe(totalCostUsdMicros);
        const paid = await rewardsOf(app, generationId, [...people.values()]);
        expect(inOrder(previewed.rewards)).toEqual(paid);
        expect(inOrder(alone.rewards)).toEqual(paid);
        expect(alone.feeUsdMicros).toBe(feeUsdMicros);
        expect(settled.transaction?.entries[0]).toMatchObject({
          accountId: payer,
          amountUsdMicros: -totalCostUsdMicros,
        });
      }),
      { numRuns },
    );
  });
});

function asDecimal(scaled: bigint): string {
  return `${scaled / 10n ** 12n}.${String(scaled % 10n ** 12n).padStart(12, "0")}`;
}

function worksOf(
  {
    attribution: { spell, loras },
  }: { attribution: { spell: string | null; loras: { lora: string; owner: string }[] } },
  people: ReadonlyMap<string, string>,
) {
  const idOf = (role: string): string => people.get(role) ?? "";
  return {
    attribution: {
      ...(spell === null ? {} : { spell: { spellId: "s", ownerAccountId: idOf(spell) } }),
      loras: loras.map(({ lora, owner: role }) => ({ loraId: lora, ownerAccountId: idOf(role) })),
    },
  };
}

interface Share {
  readonly accountId: string;
  readonly role: number;
  readonly assetId: string;
  readonly amountUsdMicros: bigint;
}

/** What creators were paid for a generation. */
async function rewardsOf(app: ClockedApp, generationId: string, accountIds: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(accountIds.map((accountId) => app.rewards.listRewards({ accountId })));
  const paid = lists.flatMap(({ rewards }) => rewards).filter((reward) => reward.generationId === generationId);
  return inOrder(paid);
}

function inOrder(shares: readonly Share[]): string[] {
  return shares
    .map(({ accountId, role, assetId, amountUsdMicros }) => `${accountId} ${role} ${assetId} ${amountUsdMicros}`)
    .sort();
}
