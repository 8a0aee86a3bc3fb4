import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import {
  type RewardPolicy,
  RewardPolicyKind,
  type RewardPolicySchema,
} from "../../src/gen/stationthis/rewards/v1/rewards_pb.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const { ADR_012, SHARED_POOL } = RewardPolicyKind;
const TENTH = { kind: SHARED_POOL, poolBps: 1_000 };
const DAY_SECONDS = 86_400;

/** A run costs 10,000 micros. */
describe.each(["sqlite", "postgres"] as const)("a reward policy on %s", (backend) => {
  let app: ClockedApp;
  let other: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    other = await app.another();
    await app.tool("flux", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } });
  });
  afterAll(async () => {
    await other.writer.close();
    await app.stop();
  });
  // Every test begins under ADR-012 and in a moment of its own.
  afterEach(async () => {
    app.pass(2 * DAY_SECONDS);
    await set({ kind: ADR_012 });
    app.pass(1);
  });

  const set = async (policy: MessageInitShape<typeof RewardPolicySchema>, on = app): Promise<RewardPolicy> => {
    const { policy: made } = await on.rewards.setRewardPolicy({ requestId: randomUUID(), policy });
    if (!made) throw new Error("a policy that was set is returned");
    return made;
  };
  const current = async (on = app) => (await on.rewards.getRewardPolicy({})).policy;
  const attributionBy = (spellCreator: string, ...loraOwners: string[]) => ({
    ...(spellCreator === "" ? {} : { spell: { spellId: "s", ownerAccountId: spellCreator } }),
    loras: loraOwners.map((ownerAccountId, index) => ({ loraId: `x${index}`, ownerAccountId })),
  });
  /** Opens a generation of a funded account that uses one LoRA. */
  const open = async (on = app) => {
    const accountId = someone("alice");
    await app.credit(accountId, 1_000_000n);
    const attribution = attributionBy("", someone("anna"));
    const order = { requestId: randomUUID(), accountId, toolId: "flux", attribution };
    const { generation } = await on.generations.createGeneration(order);
    if (!generation) throw new Error("a generation is returned");
    return generation;
  };
  const feeOf = async (generationId: string): Promise<bigint> => {
    const ended = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    expect(ended.generation?.state).toBe(GenerationState.COMPLETED);
    return ended.generation?.feeUsdMicros ?? -1n;
  };

  it("is ADR-012 without anyone setting it, since the beginning of time", async () => {
    const { policy } = await app.rewards.getRewardPolicy({ atTime: { seconds: 0n, nanos: 0 } });
    expect(policy).toMatchObject({ policyId: "adr-012", kind: ADR_012, effectiveTime: { seconds: 0n, nanos: 0 } });
    expect(policy).toMatchObject({ loraFeeBps: 500, spellFeeBps: 600, spellCreatorBps: 300 });
    expect(policy?.poolBps).toBeUndefined();
    expect((await app.rewards.listRewardPolicies({ pageSize: 500 })).policies.at(-1)).toEqual(policy);
  });

  it("is in force at once if it says no time, with the rates of its kind and defaults for those left out", async () => {
    const made = await set({ kind: ADR_012, loraFeeBps: 700 });
    expect(made).toMatchObject({ loraFeeBps: 700, spellFeeBps: 600, spellCreatorBps: 300, effectiveTime: app.in(0) });
    expect(made.createTime).toEqual(made.effectiveTime);
    expect(await current()).toEqual(made);
    const pool = await set(TENTH);
    expect(pool).toMatchObject({ kind: SHARED_POOL, poolBps: 1_000 });
    expect([pool.loraFeeBps, pool.spellFeeBps, pool.spellCreatorBps]).toEqual([undefined, undefined, undefined]);
  });

  it("set ahead is in force from its time on, and not a micro-second earlier", async () => {
    const before = await current();
    const planned = await set({ ...TENTH, effectiveTime: app.in(60) });
    expect(planned.effectiveTime).toMatchObject(app.in(60));
    app.pass(59.999);
    expect(await current()).toEqual(before);
    const early = await open();
    expect(early.rewardPolicyId).toBe(before?.policyId);
    app.pass(0.001);
    expect(await current()).toEqual(planned);
    const late = await open();
    expect(late.rewardPolicyId).toBe(planned.policyId);
    expect([await feeOf(early.generationId), await feeOf(late.generationId)]).toEqual([500n, 1_000n]);
  });

  it("set ahead is replaced by a later one for the same time", async () => {
    const effectiveTime = app.in(60);
    await set({ ...TENTH, effectiveTime });
    app.pass(1);
    const instead = await set({ kind: ADR_012, effectiveTime });
    app.pass(59);
    expect((await current())?.policyId).toBe(instead.policyId);
  });

  it("is the one in force at creation for a generation that ends long after, and its settlement names it", async () => {
    const pool = await set(TENTH);
    const { generationId } = await open();
    app.pass(DAY_SECONDS);
    await set({ kind: ADR_012, loraFeeBps: 5_000 });
    const ended = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    expect(ended.generation).toMatchObject({ feeUsdMicros: 1_000n, rewardPolicyId: pool.policyId });
    expect(ended.transaction?.rewardPolicyId).toBe(pool.policyId);
    const transactionId = ended.transaction?.transactionId ?? "";
    const read = await app.economy.getTransaction({ transactionId });
    expect(read.transaction?.rewardPolicyId).toBe(pool.policyId);
    expect((await app.rewards.getRewardPolicy({ policyId: pool.policyId })).policy).toEqual(pool);
  });

  it("is the one in force at creation for a payment that is tried again later", async () => {
    await set(TENTH);
    const accountId = someone("poor");
    const attribution = attributionBy("", someone("anna"));
    const order = { requestId: randomUUID(), accountId, toolId: "flux", attribution };
    const generationId = (await app.generations.createGeneration(order)).generation?.generationId ?? "";
    await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    await set({ kind: ADR_012 });
    await app.credit(accountId, 1_000_000n);
    const paid = await app.generations.retryPayment({ requestId: randomUUID(), generationId });
    expect(paid.generation).toMatchObject({ state: GenerationState.COMPLETED, feeUsdMicros: 1_000n });
  });

  it("is named by no transaction but a settlement", async () => {
    const { transaction } = await app.credit(someone("alice"), 5n);
    expect(transaction?.rewardPolicyId).toBe("");
  });

  it("set on one instance is gone by on every other as soon as that has answered", async () => {
    const pool = await set(TENTH, other);
    expect((await open(app)).rewardPolicyId).toBe(pool.policyId);
    expect((await current(app))?.policyId).toBe(pool.policyId);
    const back = await set({ kind: ADR_012 }, app);
    // Of two policies of one instant the one set later counts; ids tell which that is.
    expect((await open(other)).rewardPolicyId).toBe(back.policyId);
  });

  it("set in one batch with generations is gone by from there on, and each fee follows what its generation names", async () => {
    const wanted = Array.from({ length: 6 }, () => open());
    const [pool, ...generations] = await Promise.all([set(TENTH, other), ...wanted]);
    for (const { generationId, rewardPolicyId } of generations) {
      expect(await feeOf(generationId)).toBe(rewardPolicyId === pool.policyId ? 1_000n : 500n);
    }
    expect((await open()).rewardPolicyId).toBe(pool.policyId);
  });

  it("is gone by in PreviewRewards", async () => {
    const [anna, carol] = [someone("anna"), someone("carol")];
    const request = { baseCostUsdMicros: 10_000n, accountId: "alice", attribution: attributionBy(carol, anna, anna) };
    const rewardsOf = async () => {
      const { feeUsdMicros, rewards } = await app.rewards.previewRewards(request);
      return [feeUsdMicros, ...rewards.map((reward) => reward.amountUsdMicros)];
    };
    expect(await rewardsOf()).toEqual([600n, 300n, 150n, 150n]);
    await set(TENTH);
    expect(await rewardsOf()).toEqual([999n, 333n, 333n, 333n]);
  });

  it("that shares a pool settles to the same: fee, rewards and creators' entries, and the audit agrees", async () => {
    await set(TENTH);
    const [alice, anna, ben, carol] = ["alice", "anna", "ben", "carol"].map(someone) as [
      string,
      string,
      string,
      string,
    ];
    await app.credit(alice, 1_000_000n);
    const attribution = attributionBy(carol, anna, ben, anna, alice, "");
    const order = { requestId: randomUUID(), accountId: alice, toolId: "flux", attribution };
    const generationId = (await app.generations.createGeneration(order)).generation?.generationId ?? "";
    const { generation, transaction } = await app.generations.completeGeneration({
      generationId,
      outcome: Outcome.SUCCEEDED,
    });
    expect(generation).toMatchObject({ baseCostUsdMicros: 10_000n, feeUsdMicros: 1_000n });
    expect(transaction?.entries.map(({ accountId, amountUsdMicros }) => [accountId, amountUsdMicros])).toEqual([
      [alice, -11_000n],
      ["sys:revenue", 10_000n],
      [carol, 250n],
      [anna, 500n],
      [ben, 250n],
    ]);
    const { rewards } = await app.rewards.listRewards({ accountId: anna });
    expect(rewards.map((reward) => reward.amountUsdMicros)).toEqual([250n, 250n]);
    expect((await auditLedger(app.store)).violations).toEqual([]);
  });

  it("is set once for a request_id: a repetition answers the same policy, another request is refused", async () => {
    const request = { requestId: randomUUID(), policy: TENTH };
    const first = await app.rewards.setRewardPolicy(request);
    app.pass(10);
    let replayed: string | null = null;
    const onHeader = (header: Headers): void => {
      replayed = header.get("idempotent-replayed");
    };
    expect(await app.rewards.setRewardPolicy(request, { onHeader })).toEqual(first);
    expect(replayed).toBe("true");
    const refusal = await refusalOf(app.rewards.setRewardPolicy({ ...request, policy: { ...TENTH, poolBps: 999 } }));
    expect(refusal).toMatchObject({ reason: "IDEMPOTENCY_KEY_REUSED", metadata: { request_id: request.requestId } });
    const { policies } = await app.rewards.listRewardPolicies({ pageSize: 500 });
    expect(policies.filter((policy) => policy.policyId === first.policy?.policyId)).toHaveLength(1);
  });

  it("set by many repetitions at once is one policy", async () => {
    const request = { requestId: randomUUID(), policy: TENTH };
    const answers = await Promise.all([app, other, app, other].map((on) => on.rewards.setRewardPolicy(request)));
    expect(new Set(answers.map(({ policy }) => policy?.policyId)).size).toBe(1);
    expect((await auditLedger(app.store)).violations).toEqual([]);
  });

  it.each<[string, number, boolean]>([
    ["a minute ago, which counts as now", -60, true],
    ["more than a minute ago", -60.001, false],
    ["366 days ahead", 366 * DAY_SECONDS, true],
    ["more than 366 days ahead", 366 * DAY_SECONDS + 1, false],
  ])("with a time %s", async (_, seconds, isTaken) => {
    const requestId = randomUUID();
    const call = app.rewards.setRewardPolicy({ requestId, policy: { ...TENTH, effectiveTime: app.in(seconds) } });
    if (isTaken) {
      expect((await call).policy?.effectiveTime).toMatchObject(app.in(Math.max(seconds, 0)));
      return;
    }
    expect(await refusalOf(call)).toMatchObject({ reason: "INVALID_FIELDS", fields: ["policy.effective_time"] });
    // A refused call leaves its request_id free.
    await app.rewards.setRewardPolicy({ requestId, policy: TENTH });
  });

  it("is found by a time or by its id, and an unknown id is told", async () => {
    const before = await current();
    const asked = app.in(0);
    app.pass(1);
    await set(TENTH);
    expect((await app.rewards.getRewardPolicy({ atTime: asked })).policy).toEqual(before);
    const planned = await set({ ...TENTH, effectiveTime: app.in(3_600) });
    expect((await app.rewards.getRewardPolicy({ atTime: app.in(3_600) })).policy).toEqual(planned);
    expect((await app.rewards.getRewardPolicy({ policyId: planned.policyId })).policy).toEqual(planned);
    expect(await refusalOf(app.rewards.getRewardPolicy({ policyId: "gone" }))).toMatchObject({
      reason: "POLICY_NOT_FOUND",
      metadata: { policy_id: "gone" },
    });
    const both = app.rewards.getRewardPolicy({ atTime: asked, policyId: planned.policyId });
    expect(await refusalOf(both)).toMatchObject({ reason: "INVALID_FIELDS", fields: ["policy_id"] });
  });

  it("is listed in pages with the last to come into force first", async () => {
    await set(TENTH);
    await set({ ...TENTH, effectiveTime: app.in(60) });
    const { policies } = await app.rewards.listRewardPolicies({ pageSize: 500 });
    const times = policies.map(({ effectiveTime }) => Number(effectiveTime?.seconds));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const paged: RewardPolicy[] = [];
    for (let pageToken = "", pages = 0; pages <= policies.length; pages++) {
      const page = await app.rewards.listRewardPolicies({ pageSize: 2, pageToken });
      paged.push(...page.policies);
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(paged).toEqual(policies);
    const forged = app.rewards.listRewardPolicies({ pageToken: "forged" });
    expect(await refusalOf(forged)).toMatchObject({ reason: "INVALID_FIELDS", fields: ["page_token"] });
  });

  it.each<[string, MessageInitShape<typeof RewardPolicySchema>, string[]]>([
    ["without a kind", {}, ["policy.kind"]],
    ["ADR_012 with a pool", { kind: ADR_012, poolBps: 0 }, ["policy.pool_bps"]],
    [
      "ADR_012 with more for the creator than the spell costs",
      { kind: ADR_012, spellFeeBps: 299 },
      ["policy.spell_creator_bps"],
    ],
    [
      "ADR_012 with rates out of range",
      { kind: ADR_012, loraFeeBps: 10_001, spellFeeBps: -1 },
      ["policy.lora_fee_bps", "policy.spell_fee_bps"],
    ],
    ["SHARED_POOL without a pool", { kind: SHARED_POOL }, ["policy.pool_bps"]],
    [
      "SHARED_POOL with the rates of the other",
      { ...TENTH, loraFeeBps: 0, spellFeeBps: 0, spellCreatorBps: 0 },
      ["policy.lora_fee_bps", "policy.spell_fee_bps", "policy.spell_creator_bps"],
    ],
  ])("%s is refused", async (_, policy, fields) => {
    const refusal = await refusalOf(app.rewards.setRewardPolicy({ requestId: randomUUID(), policy }));
    expect(refusal).toMatchObject({ reason: "INVALID_FIELDS", fields });
  });
});
