import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldState } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import {
  FundsPolicy,
  GenerationState,
  Outcome,
  PricingUnit,
} from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { ClockedApp, refusalOf, refusalsOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

interface Order {
  readonly toolId: string;
  readonly accountId: string;
  readonly fallbackPayerAccountId?: string;
  readonly placeHold?: boolean;
  /** Owner of a LoRA that it uses. */
  readonly creator?: string;
  readonly estimatedSeconds?: bigint;
}

/** Holds of generations and what tools ask for, rules 4.3 and 4.4. Tools cost a micro a second. */
describe.each(["sqlite", "postgres"] as const)("a generation on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("video");
  });
  afterAll(() => app.stop());

  const funded = async (name: string, amountUsdMicros: bigint): Promise<string> => {
    const accountId = someone(name);
    await app.credit(accountId, amountUsdMicros);
    return accountId;
  };
  const create = (order: Order, requestId: string = randomUUID()) => {
    const { creator, estimatedSeconds, ...rest } = order;
    const attribution = creator ? { loras: [{ loraId: "x", ownerAccountId: creator }] } : {};
    const estimate =
      estimatedSeconds === undefined
        ? { case: undefined }
        : { case: "estimatedRunDuration" as const, value: { seconds: estimatedSeconds } };
    return app.generations.createGeneration({ requestId, ...rest, attribution, estimate });
  };
  const withHold = async (order: Order): Promise<{ generationId: string; holdId: string }> => {
    const { generation, hold } = await create({ placeHold: true, ...order });
    return { generationId: generation?.generationId ?? "", holdId: hold?.holdId ?? "" };
  };
  const complete = (generationId: string, seconds: bigint, outcome = Outcome.SUCCEEDED) => {
    const cost = { case: "runDuration" as const, value: { seconds } };
    return app.generations.completeGeneration({ generationId, outcome, cost });
  };
  const holdOf = async (holdId: string) => (await app.economy.getHold({ holdId })).hold;

  describe("with a hold", () => {
    it("sets the previewed total aside: estimate x price and the fee", async () => {
      const alice = await funded("alice", 5_000n);
      const { generation, hold } = await create({
        toolId: "video",
        accountId: alice,
        placeHold: true,
        creator: someone("anna"),
        estimatedSeconds: 1_000n,
      });
      expect(hold).toMatchObject({ amountUsdMicros: 1_050n, state: HoldState.ACTIVE, accountId: alice });
      expect(hold?.generationId).toBe(generation?.generationId);
      expect(generation?.holdId).toBe(hold?.holdId);
      expect(hold?.expireTime).toBeUndefined();
      expect(await app.balance(alice)).toEqual([5_000n, 1_050n, 3_950n, 0n]);
    });

    it("takes it from the fallback payer, all of it, if the payer is a micro short", async () => {
      const [alice, team] = [await funded("alice", 999n), await funded("team", 5_000n)];
      const order = { toolId: "video", accountId: alice, fallbackPayerAccountId: team, estimatedSeconds: 1_000n };
      const { generationId, holdId } = await withHold(order);
      expect(await holdOf(holdId)).toMatchObject({ accountId: team, amountUsdMicros: 1_000n });
      expect(await app.balance(alice)).toEqual([999n, 0n, 999n, 0n]);
      const { generation } = await complete(generationId, 1_000n);
      expect(generation).toMatchObject({ state: GenerationState.COMPLETED, chargedAccountId: team });
      expect(await app.balance(team)).toEqual([4_000n, 0n, 4_000n, 0n]);
      expect(await holdOf(holdId)).toMatchObject({ state: HoldState.CAPTURED, capturedUsdMicros: 1_000n });
    });

    it("leaves no fee out of the fallback's hold where the creator is the payer", async () => {
      const [anna, team] = [await funded("anna", 999n), await funded("team", 5_000n)];
      const order = { toolId: "video", accountId: anna, fallbackPayerAccountId: team, creator: anna };
      const { holdId } = await withHold({ ...order, estimatedSeconds: 1_000n });
      expect(await holdOf(holdId)).toMatchObject({ accountId: team, amountUsdMicros: 1_000n });
    });

    it("is not created if neither payer has the total, and the payer's shortfall is named", async () => {
      const [alice, team] = [await funded("alice", 400n), await funded("team", 900n)];
      const order = { toolId: "video", accountId: alice, fallbackPayerAccountId: team, placeHold: true };
      const { reason, metadata } = await refusalOf(create({ ...order, estimatedSeconds: 1_000n }));
      expect(reason).toBe("INSUFFICIENT_FUNDS");
      expect(metadata).toMatchObject({ account_id: alice, shortfall_usd_micros: "600" });
      expect((await app.generations.listGenerations({ accountId: alice })).generations).toEqual([]);
    });

    it("keeps it until it is final, however long that takes", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 1_000n });
      app.pass(3 * 86_400);
      await app.sweep();
      expect((await holdOf(holdId))?.state).toBe(HoldState.ACTIVE);
      await complete(generationId, 1_000n);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
    });

    it("answers HOLD_OWNED_BY_GENERATION to a capture and a release of it, before and after the end", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 10n });
      for (const end of [() => Promise.resolve(), () => complete(generationId, 10n)]) {
        await end();
        for (const refusal of await refusalsOf([app.capture(holdId, 1n), app.release(holdId)])) {
          expect(refusal).toMatchObject({
            reason: "HOLD_OWNED_BY_GENERATION",
            metadata: { hold_id: holdId, generation_id: generationId },
          });
        }
      }
    });

    it("that costs less than its hold gives the rest back", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 1_000n });
      await complete(generationId, 300n);
      expect(await app.balance(alice)).toEqual([700n, 0n, 700n, 0n]);
      expect(await holdOf(holdId)).toMatchObject({ state: HoldState.CAPTURED, capturedUsdMicros: 300n });
    });

    it("that costs more takes the rest from what is available", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 600n });
      await complete(generationId, 1_000n);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
      expect(await holdOf(holdId)).toMatchObject({ state: HoldState.CAPTURED, capturedUsdMicros: 600n });
    });

    it("never takes the rest from somebody else's hold", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 600n });
      const other = await app.hold(alice, 400n);
      const { generation } = await complete(generationId, 601n);
      expect(generation).toMatchObject({ state: GenerationState.PAYMENT_FAILED, baseCostUsdMicros: 601n });
      expect((await holdOf(holdId))?.state).toBe(HoldState.RELEASED);
      expect((await holdOf(other.holdId))?.state).toBe(HoldState.ACTIVE);
      expect(await app.balance(alice)).toEqual([1_000n, 400n, 600n, 0n]);
    });

    it("that nobody can pay for gives all of it back, and is paid by a retry", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 1_000n });
      const { generation } = await complete(generationId, 1_001n);
      expect(generation?.state).toBe(GenerationState.PAYMENT_FAILED);
      expect(await app.balance(alice)).toEqual([1_000n, 0n, 1_000n, 0n]);
      expect(await holdOf(holdId)).toMatchObject({ state: HoldState.RELEASED, capturedUsdMicros: 0n });
      await app.credit(alice, 1n);
      const paid = await app.generations.retryPayment({ requestId: randomUUID(), generationId });
      expect(paid.generation?.state).toBe(GenerationState.COMPLETED);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
    });

    it("whose cost stays unknown gives all of it back", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId, holdId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 1_000n });
      const { generation } = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
      expect(generation).toMatchObject({ state: GenerationState.PAYMENT_FAILED, stateReason: "COST_UNDETERMINED" });
      expect((await holdOf(holdId))?.state).toBe(HoldState.RELEASED);
      expect(await app.balance(alice)).toEqual([1_000n, 0n, 1_000n, 0n]);
    });

    it.each([Outcome.FAILED, Outcome.CANCELLED, Outcome.TIMED_OUT])(
      "that ended with outcome %i gives all of it back",
      async (outcome) => {
        const alice = await funded("alice", 1_000n);
        const { generationId, holdId } = await withHold({
          toolId: "video",
          accountId: alice,
          estimatedSeconds: 1_000n,
        });
        await complete(generationId, 500n, outcome);
        expect((await holdOf(holdId))?.state).toBe(HoldState.RELEASED);
        expect(await app.balance(alice)).toEqual([1_000n, 0n, 1_000n, 0n]);
      },
    );

    it("gives the fallback's hold back where the payer can pay after all", async () => {
      const [alice, team] = [await funded("alice", 1n), await funded("team", 1_000n)];
      const order = { toolId: "video", accountId: alice, fallbackPayerAccountId: team, estimatedSeconds: 500n };
      const { generationId, holdId } = await withHold(order);
      await app.credit(alice, 999n);
      const { generation } = await complete(generationId, 500n);
      expect(generation?.chargedAccountId).toBe(alice);
      expect(await holdOf(holdId)).toMatchObject({ state: HoldState.RELEASED, capturedUsdMicros: 0n });
      expect(await app.balance(team)).toEqual([1_000n, 0n, 1_000n, 0n]);
    });

    it("is settled once by 10 completions at once, its hold with it", async () => {
      const alice = await funded("alice", 1_000n);
      const { generationId } = await withHold({ toolId: "video", accountId: alice, estimatedSeconds: 400n });
      await Promise.all(Array.from({ length: 10 }, () => complete(generationId, 400n)));
      expect(await app.balance(alice)).toEqual([600n, 0n, 600n, 0n]);
    });

    it("is created once for a repeated request_id, with one hold, shown as first placed", async () => {
      const alice = await funded("alice", 1_000n);
      const order = { toolId: "video", accountId: alice, placeHold: true, estimatedSeconds: 400n };
      const requestId = randomUUID();
      const first = await create(order, requestId);
      expect(await create(order, requestId)).toEqual(first);
      expect(await app.balance(alice)).toEqual([1_000n, 400n, 600n, 0n]);
      await complete(first.generation?.generationId ?? "", 400n);
      expect((await create(order, requestId)).hold).toEqual(first.hold);
    });

    it("holds nothing where its price is FREE", async () => {
      const toolId = await app.tool("free", { pricing: { unit: PricingUnit.FREE } });
      const { generation, hold } = await create({ toolId, accountId: someone("guest"), placeHold: true });
      expect(hold).toBeUndefined();
      expect(generation?.holdId).toBe("");
    });

    it("needs an estimate if its tool has none: seconds", async () => {
      const order = { toolId: "video", accountId: await funded("alice", 1_000n), placeHold: true };
      expect(await refusalOf(create(order))).toMatchObject({
        reason: "INVALID_FIELDS",
        fields: ["estimated_run_duration"],
      });
    });

    it("needs an estimate if its tool has none: tokens", async () => {
      const toolId = await app.tool("text", { pricing: { unit: PricingUnit.TOKEN, rateUsd: "0.000001" } });
      const order = { toolId, accountId: await funded("alice", 1_000n), placeHold: true };
      expect(await refusalOf(create(order))).toMatchObject({
        reason: "INVALID_FIELDS",
        fields: ["estimated_quantity"],
      });
    });

    it("needs no estimate where a run has one price", async () => {
      const toolId = await app.tool("run", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.0007" } });
      const { holdId } = await withHold({ toolId, accountId: await funded("alice", 1_000n) });
      expect((await holdOf(holdId))?.amountUsdMicros).toBe(700n);
    });

    it("goes by its tool's default estimate, and by its own before that", async () => {
      const toolId = await app.tool("timed", {
        defaultEstimate: { amount: { case: "runDuration", value: { seconds: 250n } } },
      });
      const alice = await funded("alice", 1_000n);
      const byDefault = await withHold({ toolId, accountId: alice });
      const byItself = await withHold({ toolId, accountId: alice, estimatedSeconds: 40n });
      expect((await holdOf(byDefault.holdId))?.amountUsdMicros).toBe(250n);
      expect((await holdOf(byItself.holdId))?.amountUsdMicros).toBe(40n);
    });
  });

  describe("of a tool whose funds policy", () => {
    const tool = (fundsPolicy: FundsPolicy) =>
      app.tool(FundsPolicy[fundsPolicy], {
        fundsPolicy,
        defaultEstimate: { amount: { case: "runDuration", value: { seconds: 100n } } },
      });

    it("is NONE is created without money, and without a hold", async () => {
      const { hold } = await create({ toolId: await tool(FundsPolicy.NONE), accountId: someone("poor") });
      expect(hold).toBeUndefined();
    });

    it("is NONE gets a hold if one is asked for", async () => {
      const order = { toolId: await tool(FundsPolicy.NONE), accountId: someone("poor"), placeHold: true };
      expect((await refusalOf(create(order))).reason).toBe("INSUFFICIENT_FUNDS");
    });

    it("is CHECK_BALANCE is refused below the preview, with what is missing", async () => {
      const order = { toolId: await tool(FundsPolicy.CHECK_BALANCE), accountId: await funded("poor", 99n) };
      const { reason, metadata } = await refusalOf(create(order));
      expect(reason).toBe("INSUFFICIENT_FUNDS");
      expect(metadata).toMatchObject({ available_usd_micros: "99", required_usd_micros: "100" });
    });

    it("is CHECK_BALANCE counts the fee in, and what is held out", async () => {
      const toolId = await tool(FundsPolicy.CHECK_BALANCE);
      const alice = await funded("alice", 105n);
      const creator = someone("anna");
      const { holdId } = await app.hold(alice, 1n);
      expect((await refusalOf(create({ toolId, accountId: alice, creator }))).metadata).toMatchObject({
        available_usd_micros: "104",
        required_usd_micros: "105",
      });
      await app.release(holdId);
      await create({ toolId, accountId: alice, creator });
    });

    it("is CHECK_BALANCE sets nothing aside: the money may be gone when the run ends", async () => {
      const toolId = await tool(FundsPolicy.CHECK_BALANCE);
      const alice = await funded("alice", 100n);
      const { generation, hold } = await create({ toolId, accountId: alice });
      expect(hold).toBeUndefined();
      expect(await app.balance(alice)).toEqual([100n, 0n, 100n, 0n]);
      await app.debit(alice, 1n);
      const ended = await complete(generation?.generationId ?? "", 100n);
      expect(ended.generation?.state).toBe(GenerationState.PAYMENT_FAILED);
    });

    it("is CHECK_BALANCE is content with the fallback's money", async () => {
      const team = await funded("team", 100n);
      const order = { accountId: someone("poor"), fallbackPayerAccountId: team };
      await create({ toolId: await tool(FundsPolicy.CHECK_BALANCE), ...order });
    });

    it("is REQUIRE_HOLD has a hold though none was asked for", async () => {
      const alice = await funded("alice", 100n);
      const { hold } = await create({ toolId: await tool(FundsPolicy.REQUIRE_HOLD), accountId: alice });
      expect(hold).toMatchObject({ accountId: alice, amountUsdMicros: 100n });
    });

    it("is REQUIRE_HOLD is refused without it, and leaves no trace of the request_id", async () => {
      const toolId = await tool(FundsPolicy.REQUIRE_HOLD);
      const alice = await funded("alice", 99n);
      const requestId = randomUUID();
      expect((await refusalOf(create({ toolId, accountId: alice }, requestId))).reason).toBe("INSUFFICIENT_FUNDS");
      await app.credit(alice, 1n);
      expect((await create({ toolId, accountId: alice }, requestId)).hold?.amountUsdMicros).toBe(100n);
    });

    it.each([FundsPolicy.CHECK_BALANCE, FundsPolicy.REQUIRE_HOLD])(
      "is %i needs an estimate from somewhere",
      async (fundsPolicy) => {
        const toolId = await app.tool("unknown-length", { fundsPolicy });
        const order = { toolId, accountId: await funded("alice", 1_000n) };
        expect((await refusalOf(create(order))).fields).toEqual(["estimated_run_duration"]);
      },
    );
  });
});
