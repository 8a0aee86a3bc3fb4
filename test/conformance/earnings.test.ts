import { beforeAll, describe, expect, it } from "vitest";
import { type BucketEarnings, dayOf, type EarningsBucket, firstDayOf } from "../../src/domain/earnings.js";
import type { ClawbackRow, RewardRow } from "../../src/domain/ledger/rows.js";
import { MICROS_PER_DAY } from "../../src/domain/time.js";
import { describeStores } from "../support/stores.js";
import { clawbackRow, NO_CHANGES, NOON, rewardRow } from "./rows.js";
import { ALWAYS, fresh, openedPair, save } from "./support.js";

/** 2023-11-13, a Monday. */
const MONDAY = 19_674n;
const at = (day: bigint, offset = 0n): bigint => day * MICROS_PER_DAY + offset;

/** What the rows of one account say themselves. */
function summed(
  rewards: readonly RewardRow[],
  clawbacks: readonly ClawbackRow[],
  range: { startTime: bigint; endTime: bigint },
  bucket: EarningsBucket,
): Map<string, [bigint, bigint, bigint]> {
  const sums = new Map<string, [bigint, bigint, bigint]>();
  const add = (row: RewardRow | ClawbackRow, earned: bigint, clawedBack: bigint, uses: bigint): void => {
    if (row.createTime < range.startTime || row.createTime >= range.endTime) return;
    const key = `${firstDayOf(bucket, dayOf(row.createTime))} ${row.assetId} ${row.role}`;
    const [a, b, c] = sums.get(key) ?? [0n, 0n, 0n];
    sums.set(key, [a + earned, b + clawedBack, c + uses]);
  };
  for (const reward of rewards) add(reward, reward.amountUsdMicros, 0n, 1n);
  for (const clawback of clawbacks) add(clawback, 0n, clawback.amountUsdMicros, 0n);
  return sums;
}

function asMap(rows: readonly BucketEarnings[]): Map<string, [bigint, bigint, bigint]> {
  return new Map(
    rows.map(({ firstDay, asset, earnedUsdMicros, clawedBackUsdMicros, uses }) => [
      `${firstDay} ${asset?.assetId} ${asset?.role}`,
      [earnedUsdMicros, clawedBackUsdMicros, uses],
    ]),
  );
}

describeStores("earnings", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const earnings = (accountId: string, bucket: EarningsBucket = "DAY", byAsset = false, limit = 100) =>
    pair.store.earnings({ accountId, ...ALWAYS }, bucket, byAsset, limit);

  it("sums a creator's rewards by UTC day, oldest first, and counts them", async () => {
    const accountId = fresh("ann");
    const reward = (createTime: bigint, amountUsdMicros: bigint) =>
      rewardRow(accountId, { createTime, amountUsdMicros });
    await save(pair.store, {
      rewards: [
        reward(at(MONDAY + 1n), 5n),
        reward(at(MONDAY), 1n),
        reward(at(MONDAY + 1n, -1n), 2n),
        rewardRow(fresh("ben"), { createTime: at(MONDAY), amountUsdMicros: 1_000n }),
      ],
    });
    const earned = (firstDay: bigint, earnedUsdMicros: bigint, uses: bigint) => ({
      ...{ firstDay, asset: undefined, earnedUsdMicros, clawedBackUsdMicros: 0n, uses },
    });
    expect(await earnings(accountId)).toEqual([earned(MONDAY, 3n, 2n), earned(MONDAY + 1n, 5n, 1n)]);
    expect(await earnings(fresh("nobody"))).toEqual([]);
  });

  it("by asset are in order of asset and role in each bucket, the two roles of an asset apart", async () => {
    const accountId = fresh("ann");
    const assets = [
      ["b", "SPELL_CREATOR"],
      ["b", "LORA_OWNER"],
      ["a", "LORA_OWNER"],
    ] as const;
    const rewards = assets.map(([assetId, role]) => rewardRow(accountId, { assetId, role }));
    await save(pair.store, { rewards: [rewardRow(accountId, { createTime: NOON + MICROS_PER_DAY }), ...rewards] });
    const rows = await earnings(accountId, "DAY", true);
    expect(rows.map(({ firstDay, asset }) => [firstDay, asset?.assetId, asset?.role])).toEqual([
      [dayOf(NOON), "a", "LORA_OWNER"],
      [dayOf(NOON), "b", "LORA_OWNER"],
      [dayOf(NOON), "b", "SPELL_CREATOR"],
      [dayOf(NOON) + 1n, "lora-1", "LORA_OWNER"],
    ]);
  });

  it.each<[EarningsBucket, readonly [string, bigint][]]>([
    // 2024-02-29 is a Thursday, the leap day; 2024-03-04 a Monday.
    [
      "WEEK",
      [
        ["2024-02-26", 7n],
        ["2024-03-04", 8n],
      ],
    ],
    [
      "MONTH",
      [
        ["2024-02-01", 3n],
        ["2024-03-01", 12n],
      ],
    ],
  ])("by %s begin where calendars say, in UTC", async (bucket, expected) => {
    const accountId = fresh("ann");
    const rewards = [
      "2024-02-26T00:00:00Z",
      "2024-02-29T23:59:59.999Z",
      "2024-03-03T23:59:59Z",
      "2024-03-04T00:00:00Z",
    ];
    await save(pair.store, {
      rewards: rewards.map((time, index) =>
        rewardRow(accountId, { createTime: BigInt(Date.parse(time)) * 1_000n, amountUsdMicros: 2n ** BigInt(index) }),
      ),
    });
    const rows = await earnings(accountId, bucket);
    const dates = rows.map(({ firstDay }) => new Date(Number(firstDay) * 86_400_000).toISOString().slice(0, 10));
    expect(rows.map(({ earnedUsdMicros }, index) => [dates[index], earnedUsdMicros])).toEqual(expected);
  });

  it("date what refunds took back when it was taken, also where nothing was earned", async () => {
    const accountId = fresh("ann");
    await save(pair.store, { rewards: [rewardRow(accountId, { amountUsdMicros: 10n })] });
    await save(pair.store, {
      clawbacks: [clawbackRow(accountId, { amountUsdMicros: 4n, createTime: NOON + 3n * MICROS_PER_DAY })],
    });
    expect((await earnings(accountId)).map((row) => [row.earnedUsdMicros, row.clawedBackUsdMicros, row.uses])).toEqual([
      [10n, 0n, 1n],
      [0n, 4n, 0n],
    ]);
  });

  it("are no more buckets than asked for: the oldest", async () => {
    const accountId = fresh("ann");
    const rewards = [0n, 1n, 2n].map((day) => rewardRow(accountId, { createTime: at(MONDAY + day) }));
    await save(pair.store, { rewards });
    const rows = await earnings(accountId, "DAY", false, 2);
    expect(rows.map((row) => row.firstDay)).toEqual([MONDAY, MONDAY + 1n]);
  });

  it("add up exactly when two instances write at once, each in many batches", async () => {
    const accountId = fresh("ann");
    const batches = Array.from({ length: 20 }, (_, index) =>
      save(index % 2 === 0 ? pair.store : pair.other, {
        rewards: [0, 1, 2].map((asset) =>
          rewardRow(accountId, { assetId: `lora-${asset}`, amountUsdMicros: 10n, userAccountId: `user-${index % 3}` }),
        ),
        clawbacks: [clawbackRow(accountId, { assetId: "lora-0" })],
      }),
    );
    await Promise.all(batches);
    expect(await earnings(accountId)).toMatchObject([{ earnedUsdMicros: 600n, clawedBackUsdMicros: 20n, uses: 60n }]);
    const usage = await pair.store.listAssetUsage(accountId, undefined, 10);
    expect(usage.rows.map((row) => [row.uses, row.distinctUsers])).toEqual(Array(3).fill([20n, 3n]));
  });

  describe("in a time range", () => {
    const accountId = fresh("ann");
    const hour = MICROS_PER_DAY / 24n;
    // Around each midnight of two weeks, and at noon.
    const times = Array.from({ length: 15 }, (_, day) =>
      [-1n, 0n, 1n, 12n * hour].map((offset) => at(MONDAY + BigInt(day), offset)),
    ).flat();
    const rewards = times.map((createTime, index) =>
      rewardRow(accountId, {
        createTime,
        amountUsdMicros: 3n ** BigInt(index % 30),
        assetId: `lora-${index % 3}`,
        role: index % 2 === 0 ? "LORA_OWNER" : "SPELL_CREATOR",
      }),
    );
    const clawbacks = times
      .filter((_, index) => index % 5 === 0)
      .map((createTime, index) => clawbackRow(accountId, { createTime, amountUsdMicros: 2n ** BigInt(index) }));
    beforeAll(() => save(pair.store, { rewards, clawbacks }));

    const day = (days: bigint, offset = 0n) => at(MONDAY + days, offset);
    it.each<[string, bigint, bigint]>([
      ["of whole days", day(2n), day(9n)],
      ["that cuts its first day", day(2n, 1n), day(9n)],
      ["that cuts its last day", day(2n), day(9n, 1n)],
      ["that cuts both", day(2n, 12n * hour), day(9n, 12n * hour)],
      ["that takes the start in and leaves the end out", day(2n, 1n), day(3n, -1n)],
      ["within one day", day(4n, 1n), day(4n, 13n * hour)],
      ["over one midnight", day(4n, 1n), day(5n, 1n)],
      ["of one whole day", day(4n), day(5n)],
      ["of a microsecond", day(4n, 1n), day(4n, 2n)],
      ["of nothing", day(4n, 1n), day(4n, 1n)],
      ["that ends before it begins", day(9n), day(2n)],
      ["of all time", ALWAYS.startTime, ALWAYS.endTime],
    ])("%s are those of its rewards and clawbacks, to the microsecond", async (_, startTime, endTime) => {
      for (const bucket of ["DAY", "WEEK", "MONTH"] as const) {
        const rows = await pair.store.earnings({ accountId, startTime, endTime }, bucket, true, 1_000);
        expect(asMap(rows)).toEqual(summed(rewards, clawbacks, { startTime, endTime }, bucket));
      }
    });
  });
});

describeStores("listAssetUsage", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("says of each asset in each role how often and by how many users it was used, what it earned and when it was used last", async () => {
    const accountId = fresh("ann");
    const reward = (assetId: string, userAccountId: string, row: Partial<RewardRow> = {}) =>
      rewardRow(accountId, { assetId, userAccountId, amountUsdMicros: 10n, ...row });
    const later = NOON + 40n * MICROS_PER_DAY;
    await save(pair.store, {
      rewards: [reward("x", "u1"), reward("x", "u1", { createTime: NOON + 5n }), reward("x", "u2"), reward("y", "u1")],
    });
    await save(pair.other, {
      rewards: [reward("x", "u2", { createTime: later }), reward("x", "u3", { createTime: later - 1n })],
    });
    // A refund is no use, and doesn't undo one.
    await save(pair.store, { clawbacks: [clawbackRow(accountId, { assetId: "y", createTime: later + 9n })] });
    await save(pair.store, { rewards: [reward("x", "u1", { role: "SPELL_CREATOR" }), rewardRow(fresh("ben"))] });
    expect(await pair.store.listAssetUsage(accountId, undefined, 10)).toEqual({
      rows: [
        { ...usage("x", "LORA_OWNER", 5n, 3n), earnedUsdMicros: 50n, lastUsedTime: later },
        { ...usage("x", "SPELL_CREATOR", 1n, 1n), earnedUsdMicros: 10n, lastUsedTime: NOON },
        { ...usage("y", "LORA_OWNER", 1n, 1n), earnedUsdMicros: 10n, lastUsedTime: NOON },
      ],
      next: undefined,
    });
  });

  it("counts a user once, whichever instance and batch they came with, and also one whose first batch was never committed", async () => {
    const accountId = fresh("ann");
    const usedBy = (userAccountId: string) => ({ ...NO_CHANGES, rewards: [rewardRow(accountId, { userAccountId })] });
    const failing = pair.store.transact(async (transaction) => {
      await transaction.save(usedBy("eve"));
      throw new Error("not after all");
    });
    await expect(failing).rejects.toThrow("not after all");
    for (const [store, user] of [
      ...[[pair.store, "eve"] as const, [pair.store, "eve"] as const, [pair.other, "eve"] as const],
      ...[[pair.other, "bob"] as const, [pair.store, "bob"] as const, [pair.store, "bob"] as const],
    ]) {
      await save(store, usedBy(user));
    }
    const { rows } = await pair.store.listAssetUsage(accountId, undefined, 10);
    expect(rows).toMatchObject([{ uses: 6n, distinctUsers: 2n }]);
  });

  const usage = (assetId: string, role: RewardRow["role"], uses: bigint, distinctUsers: bigint) => ({
    ...{ assetId, role, uses, distinctUsers },
  });

  it.each([1, 2, 3, 4, 6, 7])("shows each asset once, in pages of %i", async (pageSize) => {
    const accountId = fresh("ann");
    const roles = ["LORA_OWNER", "SPELL_CREATOR"] as const;
    const rewards = ["a", "b", "c"].flatMap((assetId) => roles.map((role) => rewardRow(accountId, { assetId, role })));
    await save(pair.store, { rewards: rewards.toReversed() });
    const names: string[] = [];
    let pages = 0;
    for (let cursor: { assetId: string; role: RewardRow["role"] } | undefined, isFirst = true; isFirst || cursor; ) {
      const page = await pair.store.listAssetUsage(accountId, cursor, pageSize);
      names.push(...page.rows.map((row) => `${row.assetId} ${row.role}`));
      cursor = page.next;
      isFirst = false;
      pages++;
    }
    expect(names).toEqual(rewards.map((row) => `${row.assetId} ${row.role}`));
    expect(pages).toBe(Math.ceil(6 / pageSize));
  });
});
