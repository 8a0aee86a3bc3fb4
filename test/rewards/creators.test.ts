import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { MICROS_PER_DAY } from "../../src/domain/time.js";
import { Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { RewardRole } from "../../src/gen/stationthis/rewards/v1/rewards_pb.js";
import { EarningsBucket, EarningsGroup } from "../../src/gen/stationthis/rewards/v1/rewards_service_pb.js";
import { rewardRow } from "../conformance/rows.js";
import { save } from "../conformance/support.js";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

const DAY_SECONDS = 86_400;

type Timestamp = { readonly seconds: bigint; readonly nanos: number };

const dateOf = (time: Timestamp | undefined): string =>
  new Date(Number(time?.seconds ?? 0n) * 1_000).toISOString().slice(0, 10);

/** What creators see. The clock starts at noon of Friday, 2030-03-01, UTC. */
describe.each(["sqlite", "postgres"] as const)("a creator on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
    await app.tool("run", { pricing: { unit: PricingUnit.RUN, rateUsd: "0.001" } });
    await app.credit("user", 1_000_000n);
    await app.credit("other-user", 1_000_000n);
  });
  afterAll(() => app.stop());
  let anna: string;
  beforeEach(() => {
    anna = someone("anna");
  });

  /** A generation of 1,000 micros that uses these LoRAs of anna's, which share 50. @returns the settlement */
  const used = async (loraIds: readonly string[], accountId = "user", spellId?: string): Promise<string> => {
    const { generation } = await app.generations.createGeneration({
      ...{ requestId: randomUUID(), accountId, toolId: "run" },
      attribution: {
        ...(spellId ? { spell: { spellId, ownerAccountId: anna } } : {}),
        loras: loraIds.map((loraId) => ({ loraId, ownerAccountId: anna })),
      },
    });
    const generationId = generation?.generationId ?? "";
    const { transaction } = await app.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    return transaction?.transactionId ?? "";
  };
  const takeBack = (transactionId: string) =>
    app.economy.refundTransaction({
      ...{ requestId: randomUUID(), transactionId, amount: { case: "refundAll" as const, value: true } },
    });
  const earnings = async (more: object = {}) => {
    const answer = await app.rewards.getEarnings({ accountId: anna, ...more });
    const buckets = answer.buckets.map((each) => [
      ...[dateOf(each.startTime), each.asset, each.earnedUsdMicros, each.clawedBackUsdMicros, each.uses],
    ]);
    return { ...answer, buckets };
  };
  const { DAY, WEEK, MONTH } = EarningsBucket;

  it("sees earnings by day, empty days left out, with what was taken back dated when it was, net, gross and in points", async () => {
    await used(["x"]);
    const refunded = await used(["x"]);
    app.pass(2 * DAY_SECONDS);
    await used(["y"]);
    await takeBack(refunded);
    const { start, buckets, ...sums } = { start: "", ...(await earnings({ bucket: DAY })) };
    const first = buckets[0]?.[0] as string;
    const third = new Date(Date.parse(first) + 2 * DAY_SECONDS * 1_000).toISOString().slice(0, 10);
    expect(buckets).toEqual([
      [first, "", 100n, 0n, 2n],
      [third, "", 50n, 50n, 1n],
    ]);
    expect(sums).toMatchObject({ totalUsdMicros: 100n, grossUsdMicros: 150n, clawedBackUsdMicros: 50n });
    // 0.0001 US$ at 0.000337 US$ a point are 0.2967… points.
    expect(sums.totalPoints).toBe("0.29");
    expect((await earnings()).buckets).toEqual(buckets);
  });

  it("sees points rounded down where more was taken back than earned, too", async () => {
    const refunded = await used(["x"]);
    app.pass(2 * DAY_SECONDS);
    await takeBack(refunded);
    const answer = await earnings({ startTime: app.in(-DAY_SECONDS) });
    expect(answer).toMatchObject({ totalUsdMicros: -50n, totalPoints: "-0.15" });
  });

  it("sees earnings by week from Monday and by month", async () => {
    const noonOf = async (date: string) => {
      await used(["x"]);
      app.pass(Date.parse(`${date}T12:00:00Z`) / 1_000 - Number(app.now / 1_000_000n));
    };
    await noonOf("2030-04-26");
    anna = someone("anna");
    for (const date of ["2030-04-28", "2030-04-29", "2030-04-30", "2030-05-01"]) await noonOf(date);
    await used(["x"]);
    // Friday 26, Sunday 28, Monday 29, Tuesday 30, Wednesday 1.
    expect((await earnings({ bucket: WEEK })).buckets).toEqual([
      ["2030-04-22", "", 100n, 0n, 2n],
      ["2030-04-29", "", 150n, 0n, 3n],
    ]);
    expect((await earnings({ bucket: MONTH })).buckets).toEqual([
      ["2030-04-01", "", 200n, 0n, 4n],
      ["2030-05-01", "", 50n, 0n, 1n],
    ]);
  });

  it("sees earnings by asset, a LoRA and a spell of the same name apart", async () => {
    await used(["x", "y"]);
    await used(["x"], "user", "x");
    const { buckets } = await app.rewards.getEarnings({ accountId: anna, groupBy: EarningsGroup.ASSET });
    expect(buckets.map((each) => [each.asset, each.role, each.earnedUsdMicros, each.uses])).toEqual([
      ["x", RewardRole.LORA_OWNER, 55n, 2n],
      ["x", RewardRole.SPELL_CREATOR, 30n, 1n],
      ["y", RewardRole.LORA_OWNER, 25n, 1n],
    ]);
  });

  it("sees exactly what a range takes in, also where it cuts through a day", async () => {
    const times: Timestamp[] = [];
    for (let index = 0; index < 5; index++) {
      times.push(app.in(0));
      await used([`lora-${index}`]);
      app.pass(11 * 3_600);
    }
    for (let from = 0; from < 5; from++) {
      for (let to = from; to < 5; to++) {
        const answer = await earnings({ startTime: times[from], endTime: times[to], groupBy: EarningsGroup.ASSET });
        expect(answer.buckets.map(([, asset]) => asset)).toEqual(
          [0, 1, 2, 3, 4].slice(from, to).map((i) => `lora-${i}`),
        );
        expect(answer.totalUsdMicros).toBe(50n * BigInt(to - from));
      }
    }
  });

  it("is told to narrow a range of more than 5,000 buckets", async () => {
    const rewards = Array.from({ length: 5_001 }, (_, day) =>
      rewardRow(anna, { createTime: BigInt(day) * MICROS_PER_DAY }),
    );
    const carla = someone("carla");
    await save(app.store, {
      rewards: [...rewards, ...rewards.slice(1).map((row) => ({ ...rewardRow(carla), createTime: row.createTime }))],
    });
    expect(await refusalOf(app.rewards.getEarnings({ accountId: anna }))).toMatchObject({
      reason: "INVALID_FIELDS",
      fields: ["bucket"],
    });
    expect((await app.rewards.getEarnings({ accountId: anna, bucket: MONTH })).grossUsdMicros).toBe(5_001n);
    expect((await app.rewards.getEarnings({ accountId: carla })).buckets).toHaveLength(5_000);
  });

  it("lists rewards of an asset, in a role, in a time range, on pages that are full", async () => {
    const start = app.in(0);
    for (let index = 0; index < 4; index++) {
      await used(["x", "y"], "user", "z");
      app.pass(10);
    }
    const list = async (filter: object) => {
      const assets: string[][] = [];
      for (let pageToken = "", pages = 0; pages < 20; pages++) {
        const page = await app.rewards.listRewards({ accountId: anna, ...filter, pageSize: 3, pageToken });
        assets.push(page.rewards.map((reward) => reward.assetId));
        pageToken = page.nextPageToken;
        if (pageToken === "") return assets;
      }
      throw new Error("the list has no end");
    };
    expect((await list({})).flat()).toHaveLength(12);
    expect(await list({ assetId: "x" })).toEqual([["x", "x", "x"], ["x"]]);
    expect(await list({ role: RewardRole.SPELL_CREATOR })).toEqual([["z", "z", "z"], ["z"]]);
    expect(await list({ assetId: "z", role: RewardRole.LORA_OWNER })).toEqual([[]]);
    const endTime = { ...start, seconds: start.seconds + 15n };
    expect((await list({ startTime: start, endTime, role: RewardRole.LORA_OWNER })).map((page) => page.length)).toEqual(
      [3, 1],
    );
  });

  it("sees how often and by how many users each asset was used, and when last, on pages", async () => {
    await used(["x", "y"]);
    await used(["x"]);
    app.pass(3 * DAY_SECONDS);
    await used(["x"], "other-user");
    const settlement = await used(["y"], "user", "z");
    await takeBack(settlement);
    const lastUse = app.in(0).seconds;
    const { assetUsages, nextPageToken } = await app.rewards.listAssetUsage({ accountId: anna, pageSize: 2 });
    const rest = await app.rewards.listAssetUsage({ accountId: anna, pageSize: 2, pageToken: nextPageToken });
    const rows = [...assetUsages, ...rest.assetUsages].map((row) => [
      ...[row.assetId, row.role, row.uses, row.distinctUsers, row.earnedUsdMicros, row.lastUsedTime?.seconds],
    ]);
    expect(assetUsages).toHaveLength(2);
    expect(rest.nextPageToken).toBe("");
    expect(rows).toEqual([
      ["x", RewardRole.LORA_OWNER, 3n, 2n, 125n, lastUse],
      ["y", RewardRole.LORA_OWNER, 2n, 1n, 55n, lastUse],
      ["z", RewardRole.SPELL_CREATOR, 1n, 1n, 30n, lastUse],
    ]);
    expect((await app.rewards.listAssetUsage({ accountId: someone("nobody") })).assetUsages).toEqual([]);
  });

  it("has users counted once though two instances settle at the same time", async () => {
    const other = await app.another();
    const settle = async (instance: ClockedApp, accountId: string) => {
      const { generation } = await instance.generations.createGeneration({
        ...{ requestId: randomUUID(), accountId, toolId: "run" },
        attribution: { loras: [{ loraId: "x", ownerAccountId: anna }] },
      });
      const generationId = generation?.generationId ?? "";
      await instance.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    };
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        settle(index % 2 === 0 ? app : other, index % 3 === 0 ? "user" : "other-user"),
      ),
    );
    await other.writer.close();
    const { assetUsages } = await app.rewards.listAssetUsage({ accountId: anna });
    expect(assetUsages).toMatchObject([{ uses: 40n, distinctUsers: 2n, earnedUsdMicros: 2_000n }]);
    const { violations } = await auditLedger(app.store);
    expect(violations.filter(({ invariant }) => invariant.startsWith("asset-"))).toEqual([]);
  });
});
