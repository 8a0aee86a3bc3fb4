import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldState } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const WEEK_SECONDS = 7 * 86_400;

/** Generations that nothing final was heard of, rule 3.10. */
describe.each(["sqlite", "postgres"] as const)("a generation that is still open after 7 days on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("flux", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.0001" } });
  });
  afterAll(() => app.stop());

  const create = async (accountId: string, more: { placeHold?: boolean; fallbackPayerAccountId?: string } = {}) => {
    const order = { requestId: randomUUID(), accountId, toolId: "flux", ...more };
    const { generation } = await app.generations.createGeneration(order);
    return generation?.generationId ?? "";
  };
  const read = async (generationId: string) => (await app.generations.getGeneration({ generationId })).generation;
  const stateOf = async (generationId: string) => {
    const generation = await read(generationId);
    return [GenerationState[generation?.state ?? 0], generation?.stateReason];
  };
  const abandoned = async (): Promise<string> => {
    const generationId = await create(someone("alice"));
    app.pass(WEEK_SECONDS);
    await app.sweep();
    return generationId;
  };

  it.each(["queued", "running"])("becomes FAILED as ABANDONED from %s, and not a moment earlier", async (status) => {
    const generationId = await create(someone("alice"));
    await app.generations.reportProgress({ generationId, status });
    const before = await stateOf(generationId);
    app.pass(WEEK_SECONDS - 0.001);
    await app.sweep();
    expect(await stateOf(generationId)).toEqual(before);
    app.pass(0.001);
    await app.sweep();
    expect(await stateOf(generationId)).toEqual(["FAILED", "ABANDONED"]);
    expect(await app.store.generationEvents(generationId)).toMatchObject([
      { type: "FAILED", details: { reason: "ABANDONED" } },
    ]);
    expect((await read(generationId))?.updateTime).toMatchObject(app.in(0));
  });

  it("lets go of what was held for it, once", async () => {
    const alice = someone("alice");
    await app.credit(alice, 150n);
    const generationId = await create(alice, { placeHold: true });
    expect(await app.balance(alice)).toEqual([150n, 100n, 50n, 0n]);
    app.pass(WEEK_SECONDS);
    await app.sweep();
    expect(await app.balance(alice)).toEqual([150n, 0n, 150n, 0n]);
    const { hold } = await app.economy.getHold({ holdId: (await read(generationId))?.holdId ?? "" });
    expect(hold).toMatchObject({ state: HoldState.RELEASED, capturedUsdMicros: 0n });
  });

  it("lets go of a hold in the fallback's account too", async () => {
    const [alice, team] = [someone("alice"), someone("team")];
    await app.credit(team, 100n);
    await create(alice, { placeHold: true, fallbackPayerAccountId: team });
    expect(await app.balance(team)).toEqual([100n, 100n, 0n, 0n]);
    app.pass(WEEK_SECONDS);
    await app.sweep();
    expect(await app.balance(team)).toEqual([100n, 0n, 100n, 0n]);
  });

  it("is given up once, with one event, whoever sweeps", async () => {
    const alice = someone("alice");
    const generationIds = await Promise.all(Array.from({ length: 20 }, () => create(alice)));
    app.pass(WEEK_SECONDS);
    const other = await app.another();
    await Promise.all([app.sweep(), other.sweep(), app.sweep()]);
    for (const generationId of generationIds) {
      expect(await stateOf(generationId)).toEqual(["FAILED", "ABANDONED"]);
      expect(await app.store.generationEvents(generationId)).toHaveLength(1);
    }
    expect(await app.sweep()).toBe(0);
  });

  it("is given up with all the others, however many there are", async () => {
    const alice = someone("alice");
    await Promise.all(Array.from({ length: 450 }, () => create(alice)));
    app.pass(WEEK_SECONDS);
    expect(await app.sweep()).toBe(450);
    const { generations } = await app.generations.listGenerations({ accountId: alice, pageSize: 500 });
    expect(new Set(generations.map((generation) => generation.stateReason))).toEqual(new Set(["ABANDONED"]));
  });

  it("is left as it is if it ended in time, paid for or not", async () => {
    const alice = someone("alice");
    const [unpaid, failed] = [await create(alice), await create(alice)];
    await app.generations.completeGeneration({ generationId: unpaid, outcome: Outcome.SUCCEEDED });
    await app.generations.completeGeneration({ generationId: failed, outcome: Outcome.FAILED });
    app.pass(WEEK_SECONDS);
    await app.sweep();
    expect(await stateOf(unpaid)).toEqual(["PAYMENT_FAILED", "INSUFFICIENT_FUNDS"]);
    expect(await stateOf(failed)).toEqual(["FAILED", "RUN_FAILED"]);
  });

  it("settles or is given up, never both, where the success and the sweep race", async () => {
    const alice = someone("alice");
    await app.credit(alice, 10_000n);
    const generationIds = await Promise.all(Array.from({ length: 20 }, () => create(alice, { placeHold: true })));
    app.pass(WEEK_SECONDS);
    const other = await app.another();
    const [, ...answers] = await Promise.allSettled([
      other.sweep(),
      ...generationIds.map((generationId) =>
        app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED }),
      ),
    ]);
    const completed = answers.filter((answer) => answer.status === "fulfilled").length;
    const states = await Promise.all(generationIds.map(stateOf));
    expect(states.filter(([state]) => state === "COMPLETED")).toHaveLength(completed);
    expect(states.filter(([, reason]) => reason === "ABANDONED")).toHaveLength(20 - completed);
    const left = 10_000n - 100n * BigInt(completed);
    expect(await app.balance(alice)).toEqual([left, 0n, left, 0n]);
  });

  describe("and then is heard of", () => {
    it("as a success is in conflict: nobody is charged, no output leaves, one event says so", async () => {
      const generationId = await abandoned();
      app.pass(1);
      const { generation } = await app.generations.getGeneration({ generationId });
      await app.credit(generation?.accountId ?? "", 1_000n);
      const success = { generationId, outcome: Outcome.SUCCEEDED, outputs: [{ url: "https://cdn.example/a.png" }] };
      for (let times = 0; times < 2; times++) {
        const refusal = await refusalOf(app.generations.completeGeneration(success));
        expect(refusal).toMatchObject({ reason: "GENERATION_ALREADY_FINAL", metadata: { state: "FAILED" } });
      }
      expect(await read(generationId)).toMatchObject({ state: GenerationState.FAILED, outputs: [], transactionId: "" });
      const events = await app.store.generationEvents(generationId);
      expect(events.map((event) => event.type)).toEqual(["FAILED", "CONFLICTING_COMPLETION"]);
      expect(await app.balance(generation?.accountId ?? "")).toEqual([1_000n, 0n, 1_000n, 0n]);
    });

    it.each([Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELLED])(
      "as a failure is final already",
      async (outcome) => {
        const generationId = await abandoned();
        const answer = await app.generations.completeGeneration({ generationId, outcome });
        expect(answer).toMatchObject({ alreadyFinal: true, generation: { stateReason: "ABANDONED" } });
        expect(await app.store.generationEvents(generationId)).toHaveLength(1);
      },
    );
  });
});
