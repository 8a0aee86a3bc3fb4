import { randomUUID } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import createKnex, { type Knex } from "knex";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePointsRate } from "../../src/domain/points.js";
import { FundsPolicy, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { RewardRole } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardPolicyKind } from "../../src/gen/stationthis/rewards/v1/rewards_pb.js";
import type { ServiceDependencies } from "../../src/services/dependencies.js";
import { previewCost } from "../../src/services/generation/preview-cost.js";
import { KnexAccountReads } from "../../src/storage/knex/account-reads.js";
import { KnexRewardPolicies } from "../../src/storage/knex/reward-policies.js";
import { KnexTools } from "../../src/storage/knex/tools.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";
import type { TestDatabase } from "../support/stores.js";

const { SECOND, RUN, TOKEN, FREE } = PricingUnit;
const THREE_SECONDS = { case: "runDuration" as const, value: { seconds: 3n, nanos: 270_000_000 } };
const thousandSeconds = { amount: { case: "runDuration" as const, value: { seconds: 1_000n } } };

describe.each(["sqlite", "postgres"] as const)("PreviewCost on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("video", { pricing: { unit: SECOND, rateUsd: "0.000337" } });
    await app.tool("estimated", { defaultEstimate: thousandSeconds });
    await app.tool("words", { pricing: { unit: TOKEN, rateUsd: "0.000002" } });
    await app.tool("flux", { pricing: { unit: RUN, rateUsd: "0.01" } });
    await app.tool("gift", { pricing: { unit: FREE } });
  });
  afterAll(() => app.stop());

  const preview: ClockedApp["generations"]["previewCost"] = (request) => app.generations.previewCost(request);

  it("says the base, the fee on top, the total, and the total in points, rounded up", async () => {
    const alice = someone("alice");
    await app.credit(alice, 5_000n);
    const attribution = {
      spell: { spellId: "s", ownerAccountId: "carol" },
      loras: [
        { loraId: "x", ownerAccountId: "anna" },
        { loraId: "y", ownerAccountId: alice },
      ],
    };
    const answer = await preview({ toolId: "video", accountId: alice, cost: THREE_SECONDS, attribution });
    // 0.000337 $/s x 3.27 s = 1,101.99 micros; twice 3 % of 1,102 is 33.06; 1,168 micros are 3.4658 points.
    expect(answer).toMatchObject({ baseCostUsdMicros: 1_102n, feeUsdMicros: 66n, totalCostUsdMicros: 1_168n });
    expect(answer).toMatchObject({ totalPoints: "3.47", availableUsdMicros: 5_000n, affordable: true });
    expect(answer).toMatchObject({ usedDefaultEstimate: false, rewardPolicyId: "adr-012" });
    expect(answer.rewards).toMatchObject([
      { accountId: "carol", role: RewardRole.SPELL_CREATOR, assetId: "s", amountUsdMicros: 33n, amountPoints: "0.09" },
      { accountId: "anna", role: RewardRole.LORA_OWNER, assetId: "x", amountUsdMicros: 33n, amountPoints: "0.09" },
    ]);
  });

  it("takes the tool's default estimate where the request says nothing, and says so", async () => {
    const answer = await preview({ toolId: "estimated", accountId: "alice" });
    expect(answer).toMatchObject({ baseCostUsdMicros: 1_000n, usedDefaultEstimate: true });
    const said = await preview({ toolId: "estimated", accountId: "alice", cost: THREE_SECONDS });
    expect(said).toMatchObject({ baseCostUsdMicros: 3n, usedDefaultEstimate: false });
  });

  it("needs no amount for a price by the run, nor for a free tool", async () => {
    expect(await preview({ toolId: "flux", accountId: "alice" })).toMatchObject({
      ...{ baseCostUsdMicros: 10_000n, usedDefaultEstimate: false },
    });
    const free = await preview({ toolId: "gift", accountId: someone("new") });
    expect(free).toMatchObject({ totalCostUsdMicros: 0n, totalPoints: "0.00", rewards: [], affordable: true });
  });

  it("is refused, with the field that is missing, where the price needs an amount that nobody says", async () => {
    const seconds = await refusalOf(preview({ toolId: "video", accountId: "alice" }));
    expect(seconds).toMatchObject({ reason: "INVALID_FIELDS", fields: ["run_duration"] });
    const duration = { toolId: "words", accountId: "alice", cost: THREE_SECONDS };
    expect(await refusalOf(preview(duration))).toMatchObject({ reason: "INVALID_FIELDS", fields: ["quantity"] });
    const said = { toolId: "words", accountId: "alice", cost: { case: "quantity" as const, value: 500n } };
    expect(await preview(said)).toMatchObject({ baseCostUsdMicros: 1_000n });
  });

  it("prices by the price given instead of the tool's", async () => {
    const pricing = { unit: SECOND, rateUsd: "1", multiplier: "2", minimumChargeUsdMicros: 7_000_000n };
    const request = { toolId: "flux", accountId: "alice", pricing, cost: THREE_SECONDS };
    expect(await preview(request)).toMatchObject({ baseCostUsdMicros: 7_000_000n });
  });

  it("is of the payer, who is the account that asks if nobody else is named", async () => {
    const [alice, team] = [someone("alice"), someone("team")];
    await app.credit(alice, 10_000n);
    await app.credit(team, 9_999n);
    const own = await preview({ toolId: "flux", accountId: alice });
    expect(own).toMatchObject({ availableUsdMicros: 10_000n, affordable: true });
    const paid = await preview({ toolId: "flux", accountId: alice, payerAccountId: team });
    expect(paid).toMatchObject({ availableUsdMicros: 9_999n, affordable: false });
    // Nobody pays a fee on the payer's work.
    const attribution = { loras: [{ loraId: "x", ownerAccountId: team }] };
    const request = { toolId: "flux", accountId: alice, attribution };
    expect(await preview(request)).toMatchObject({ feeUsdMicros: 500n, affordable: false });
    expect(await preview({ ...request, payerAccountId: team })).toMatchObject({ feeUsdMicros: 0n });
  });

  it("has 0 available for an account that never had an entry, and opens none", async () => {
    const nobody = someone("nobody");
    expect(await preview({ toolId: "flux", accountId: nobody })).toMatchObject({
      ...{ availableUsdMicros: 0n, affordable: false },
    });
    expect(await refusalOf(app.economy.getBalance({ accountId: nobody }))).toMatchObject({
      reason: "ACCOUNT_NOT_FOUND",
    });
  });

  it("counts neither what is held nor credit that has expired, swept or not", async () => {
    const alice = someone("alice");
    await app.credit(alice, 10_000n);
    await app.credit(alice, 400n, { expireTime: app.in(60) });
    await app.hold(alice, 3_000n, 3_600);
    expect(await preview({ toolId: "flux", accountId: alice })).toMatchObject({ availableUsdMicros: 7_400n });
    app.pass(61);
    expect(await preview({ toolId: "flux", accountId: alice })).toMatchObject({ availableUsdMicros: 7_000n });
    app.pass(3_600);
    expect(await preview({ toolId: "flux", accountId: alice })).toMatchObject({
      ...{ availableUsdMicros: 10_000n, affordable: true },
    });
  });

  it.each([FundsPolicy.CHECK_BALANCE, FundsPolicy.REQUIRE_HOLD])(
    "is affordable exactly where a tool with funds_policy %i is granted",
    async (fundsPolicy) => {
      const toolId = await app.tool(someone("asks"), { fundsPolicy, defaultEstimate: thousandSeconds });
      const attribution = { loras: [{ loraId: "x", ownerAccountId: someone("anna") }] };
      for (const [amount, affordable] of [
        [1_049n, false],
        [1_050n, true],
      ] as const) {
        const accountId = someone("alice");
        await app.credit(accountId, amount);
        const order = { toolId, accountId, attribution };
        expect(await preview(order)).toMatchObject({ totalCostUsdMicros: 1_050n, affordable });
        const created = app.generations.createGeneration({ requestId: randomUUID(), ...order });
        if (affordable) {
          const held = fundsPolicy === FundsPolicy.REQUIRE_HOLD ? 1_050n : undefined;
          expect((await created).hold?.amountUsdMicros).toBe(held);
        } else {
          const { reason, metadata } = await refusalOf(created);
          expect([reason, metadata.required_usd_micros]).toEqual(["INSUFFICIENT_FUNDS", "1050"]);
        }
      }
    },
  );

  it("of a tool that there isn't, or that is archived, is TOOL_NOT_FOUND", async () => {
    const toolId = await app.tool(someone("old"), {});
    const { tool } = await app.generations.getTool({ toolId });
    await app.generations.upsertTool({ tool: { ...tool, archived: true } as NonNullable<typeof tool> });
    for (const missing of [toolId, "no-tool"]) {
      const refusal = await refusalOf(preview({ toolId: missing, accountId: "alice", cost: THREE_SECONDS }));
      expect(refusal).toMatchObject({ reason: "TOOL_NOT_FOUND", metadata: { tool_id: missing } });
    }
  });

  it("of more than one operation may move is AMOUNT_OUT_OF_RANGE, the fee counted", async () => {
    const pricing = { unit: RUN, rateUsd: "1000000" };
    const request = { toolId: "flux", accountId: "alice", pricing };
    expect(await preview(request)).toMatchObject({ totalCostUsdMicros: 1_000_000_000_000n, affordable: false });
    const attribution = { loras: [{ loraId: "x", ownerAccountId: "anna" }] };
    expect(await refusalOf(preview({ ...request, attribution }))).toMatchObject({
      reason: "AMOUNT_OUT_OF_RANGE",
      metadata: { amount_usd_micros: "1050000000000", limit_usd_micros: "1000000000000" },
    });
  });

  it("writes nothing", async () => {
    const counts = () => app.store.snapshot((view) => view.counts());
    const before = await counts();
    await preview({ toolId: "flux", accountId: someone("alice") });
    expect(await counts()).toEqual(before);
  });

  it("goes by the reward policy in force now", async () => {
    const policy = { kind: RewardPolicyKind.SHARED_POOL, poolBps: 2_000, effectiveTime: app.in(60) };
    const planned = (await app.rewards.setRewardPolicy({ requestId: randomUUID(), policy })).policy;
    const attribution = { loras: [{ loraId: "x", ownerAccountId: "anna" }] };
    const request = { toolId: "flux", accountId: "alice", attribution };
    expect(await preview(request)).toMatchObject({ feeUsdMicros: 500n, rewardPolicyId: "adr-012" });
    app.pass(60);
    expect(await preview(request)).toMatchObject({ feeUsdMicros: 2_000n, rewardPolicyId: planned?.policyId });
  });

  it("takes three statements, and six where something of the payer has ended and is not written off yet", async () => {
    const [alice, ben] = [someone("alice"), someone("ben")];
    await app.credit(alice, 10_000n);
    await app.credit(ben, 10_000n, { expireTime: app.in(60) });
    await app.hold(ben, 1n, 30);
    expect(await statementsOf(app.database, { toolId: "flux", accountId: alice })).toBe(3);
    app.pass(61);
    expect(await statementsOf(app.database, { toolId: "flux", accountId: alice })).toBe(3);
    expect(await statementsOf(app.database, { toolId: "flux", accountId: ben })).toBe(6);
  });
});

/** How many statements a preview sends to the database. */
async function statementsOf(database: TestDatabase, request: { toolId: string; accountId: string }): Promise<number> {
  const knex = connect(database);
  try {
    const guard = <T>(query: PromiseLike<T>): Promise<T> => Promise.resolve(query);
    const [tools, accounts, policies] = [
      new KnexTools(knex, knex, guard),
      new KnexAccountReads(knex, guard),
      new KnexRewardPolicies(knex, guard),
    ];
    const store = {
      tool: (toolId: string) => tools.tool(toolId),
      currentRewardPolicy: (now: bigint) => policies.currentRewardPolicy(now),
      accounts: (accountIds: readonly string[]) => accounts.accounts(accountIds),
      due: (accountId: string, now: bigint) => accounts.due(accountId, now),
    };
    const points = parsePointsRate("0.000337");
    let statements = 0;
    knex.on("query", () => statements++);
    await previewCost({ store, points } as unknown as ServiceDependencies)(
      { payerAccountId: "", cost: { case: undefined }, ...request } as never,
      undefined as unknown as HandlerContext,
    );
    return statements;
  } finally {
    await knex.destroy();
  }
}

function connect(database: TestDatabase): Knex {
  if (database.backend === "postgres")
    return createKnex({ client: "pg", connection: database.url, pool: { min: 0, max: 1 } });
  const filename = database.url.slice("sqlite:".length);
  const connection = { filename, options: { safeIntegers: true } as never };
  return createKnex({ client: "better-sqlite3", connection, useNullAsDefault: true });
}
