import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const { CANCELLED, COMPLETED, FAILED, PAYMENT_FAILED, PENDING, RUNNING } = GenerationState;

interface Step {
  readonly stepIndex: number;
  readonly finalCostUsdMicros?: bigint;
  readonly loraOwner?: string;
  readonly outcome?: Outcome;
}

/** Spell runs of several steps. */
describe.each(["sqlite", "postgres"] as const)("a cast on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("flux", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } });
  });
  afterAll(() => app.stop());

  const create = async (accountId: string, castId: string, { stepIndex, loraOwner }: Step, spellOwner = "") => {
    const { generation } = await app.generations.createGeneration({
      ...{ requestId: randomUUID(), accountId, toolId: "flux", castId, stepIndex },
      attribution: {
        ...(spellOwner === "" ? {} : { spell: { spellId: "portrait", ownerAccountId: spellOwner } }),
        loras: loraOwner === undefined ? [] : [{ loraId: "ink", ownerAccountId: loraOwner }],
      },
    });
    return generation?.generationId ?? "";
  };
  const run = async (accountId: string, castId: string, step: Step, spellOwner = "") => {
    const generationId = await create(accountId, castId, step, spellOwner);
    const { outcome = Outcome.SUCCEEDED, finalCostUsdMicros: value = 10_000n } = step;
    const cost = { case: "finalCostUsdMicros", value } as const;
    await app.generations.completeGeneration({ generationId, outcome, cost });
    return generationId;
  };
  const list = (accountId: string, castId: string, more: object = {}) =>
    app.generations.listGenerations({ accountId, castId, ...more });

  it("of three steps charges each step by itself, with the fee on its own base", async () => {
    const [alice, carol, anna] = [someone("alice"), someone("carol"), someone("anna")];
    await app.credit(alice, 1_000_000n);
    // Spell alone: 6 % of 10,000 are 600. With a LoRA: 3 % of 20,017 are 600.51, so 601, to each. With the user's own LoRA: 3 % of 30,000 are 900.
    await run(alice, "c", { stepIndex: 0, finalCostUsdMicros: 10_000n }, carol);
    await run(alice, "c", { stepIndex: 1, finalCostUsdMicros: 20_017n, loraOwner: anna }, carol);
    await run(alice, "c", { stepIndex: 2, finalCostUsdMicros: 30_000n, loraOwner: alice }, carol);
    const { generations, cast } = await list(alice, "c");
    expect(generations.map(({ baseCostUsdMicros, feeUsdMicros }) => [baseCostUsdMicros, feeUsdMicros])).toEqual([
      [10_000n, 600n],
      [20_017n, 1_202n],
      [30_000n, 900n],
    ]);
    expect(cast).toMatchObject({
      ...{ castId: "c", state: COMPLETED, isTruncated: false },
      ...{ baseCostUsdMicros: 60_017n, feeUsdMicros: 2_702n, totalCostUsdMicros: 62_719n },
      stateCounts: [{ state: COMPLETED, generations: 3 }],
    });
    expect(await app.balance(alice)).toEqual([937_281n, 0n, 937_281n, 0n]);
    expect((await app.balance(carol))[0]).toBe(2_101n);
    expect((await app.balance(anna))[0]).toBe(601n);
  });

  it("lists its steps by step_index whenever they were created, and one made again after the first of them", async () => {
    const alice = someone("alice");
    const order = [2, 0, 1, 0];
    const made: string[] = [];
    for (const stepIndex of order) made.push(await create(alice, "c", { stepIndex }));
    const steps = [1, 3, 2, 0].map((index) => made[index]);
    for (const pageSize of [1, 3, 500]) {
      const seen: string[] = [];
      for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
        const page = await list(alice, "c", { pageSize, pageToken });
        seen.push(...page.generations.map((generation) => generation.generationId));
        expect(page.cast?.stateCounts).toMatchObject([{ state: PENDING, generations: 4 }]);
        pageToken = page.nextPageToken || undefined;
      }
      expect(seen).toEqual(steps);
    }
  });

  it("is summed up whole, whatever the other filters leave out", async () => {
    const alice = someone("alice");
    await app.credit(alice, 10_000n);
    await run(alice, "c", { stepIndex: 0 });
    await run(alice, "c", { stepIndex: 1 });
    await create(alice, "c", { stepIndex: 2 });
    const { generations, cast } = await list(alice, "c", { states: [COMPLETED], pageSize: 1 });
    expect(generations).toHaveLength(1);
    expect(cast).toMatchObject({
      state: PAYMENT_FAILED,
      totalCostUsdMicros: 10_000n,
      stateCounts: [
        { state: PENDING, generations: 1 },
        { state: COMPLETED, generations: 1 },
        { state: PAYMENT_FAILED, generations: 1 },
      ],
    });
  });

  it("goes from PENDING over RUNNING to where its steps end", async () => {
    const alice = someone("alice");
    await app.credit(alice, 20_000n);
    const stateOf = async () => (await list(alice, "c")).cast?.state;
    const first = await create(alice, "c", { stepIndex: 0 });
    const second = await create(alice, "c", { stepIndex: 1 });
    expect(await stateOf()).toBe(PENDING);
    await app.generations.completeGeneration({ generationId: first, outcome: Outcome.SUCCEEDED });
    expect(await stateOf()).toBe(RUNNING);
    await app.generations.completeGeneration({ generationId: second, outcome: Outcome.CANCELLED });
    expect(await stateOf()).toBe(CANCELLED);
    await run(alice, "c", { stepIndex: 2, outcome: Outcome.FAILED });
    expect(await stateOf()).toBe(FAILED);
    await run(alice, "c", { stepIndex: 1 });
    await run(alice, "c", { stepIndex: 2, finalCostUsdMicros: 1n });
    expect(await stateOf()).toBe(PAYMENT_FAILED);
  });

  it("belongs to one account: another's cast of the same id is another cast", async () => {
    const [alice, bob] = [someone("alice"), someone("bob")];
    await create(alice, "same", { stepIndex: 0 });
    await create(bob, "same", { stepIndex: 0 });
    expect((await list(alice, "same")).cast?.stateCounts).toMatchObject([{ generations: 1 }]);
    const nobody = await list(someone("nobody"), "same");
    expect(nobody).toMatchObject({ generations: [], nextPageToken: "" });
    expect(nobody.cast).toBeUndefined();
    expect((await app.generations.listGenerations({ accountId: alice })).cast).toBeUndefined();
  });

  it("of more than 1,000 generations is summed up over the first 1,000, and says so", async () => {
    const alice = someone("alice");
    const steps = Array.from({ length: 1_000 }, (_, stepIndex) => stepIndex);
    await Promise.all(steps.map((stepIndex) => create(alice, "c", { stepIndex })));
    const whole = await list(alice, "c", { pageSize: 1 });
    expect(whole.cast).toMatchObject({ isTruncated: false, stateCounts: [{ generations: 1_000 }] });
    await create(alice, "c", { stepIndex: 1_000 });
    const { cast } = await list(alice, "c", { pageSize: 1 });
    expect(cast).toMatchObject({ isTruncated: true, stateCounts: [{ generations: 1_000 }] });
  });
});
