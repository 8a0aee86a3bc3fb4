import { beforeAll, expect, it } from "vitest";
import type { RewardRow } from "../../src/domain/ledger/rows.js";
import { MICROS_PER_DAY } from "../../src/domain/time.js";
import type { ReadStore, RewardCursor, RewardFilter } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import { clawbackRow, NOON, rewardRow } from "./rows.js";
import { ALWAYS, fresh, ids, openedPair, pagesOf, save } from "./support.js";

const filterOf = (accountId: string, filter: Partial<RewardFilter> = {}): RewardFilter => ({
  accountId,
  assetId: "",
  role: undefined,
  ...ALWAYS,
  ...filter,
});

const pages = (store: ReadStore, filter: RewardFilter, pageSize: number) =>
  pagesOf<RewardRow, RewardCursor>((cursor) => store.listRewards(filter, cursor, pageSize));

/** Rewards of one account, oldest first: several of a moment, and several of one settlement. */
function rewardsOf(accountId: string): RewardRow[] {
  const [a = "", b = "", c = "", d = ""] = ids(4);
  return [
    rewardRow(accountId, { createTime: NOON, transactionId: d, position: 0, amountUsdMicros: 16_667n }),
    rewardRow(accountId, { createTime: NOON + 1n, transactionId: a, position: 0, clawedBackUsdMicros: 1n }),
    rewardRow(accountId, { createTime: NOON + 1n, transactionId: b, position: 2, role: "SPELL_CREATOR" }),
    rewardRow(accountId, { createTime: NOON + 1n, transactionId: b, position: 10, assetId: "lora-2" }),
    rewardRow(accountId, { createTime: NOON + 2n, transactionId: c, position: 0 }),
  ];
}

describeStores("listRewards", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it.each([1, 2, 4, 5, 6])(
    "lists an account's rewards, newest first, in pages of %i, every column as it was saved",
    async (pageSize) => {
      const accountId = fresh("ann");
      const rewards = rewardsOf(accountId);
      await save(pair.store, { rewards: [...rewards, rewardRow(fresh("ben"))] });
      const read = await pages(pair.store, filterOf(accountId), pageSize);
      expect(read.flat()).toEqual(rewards.toReversed());
      expect(read).toHaveLength(Math.ceil(5 / pageSize));
    },
  );

  it("goes on below its cursor, whatever is written meanwhile", async () => {
    const accountId = fresh("ann");
    const rewards = rewardsOf(accountId);
    await save(pair.store, { rewards });
    const first = await pair.store.listRewards(filterOf(accountId), undefined, 2);
    await save(pair.other, { rewards: [rewardRow(accountId, { createTime: NOON + 3n })] });
    const second = await pair.store.listRewards(filterOf(accountId), first.next, 3);
    expect([...first.rows, ...second.rows]).toEqual(rewards.toReversed());
    expect(second.next).toBeUndefined();
  });

  it("looks at no more than 20 pages' worth of rewards for a rare filter, and says where to go on", async () => {
    const accountId = fresh("ann");
    const rewards = Array.from({ length: 100 }, (_, index) =>
      rewardRow(accountId, { createTime: NOON + BigInt(index), assetId: index === 0 ? "rare" : "common" }),
    );
    await save(pair.store, { rewards });
    const filter = filterOf(accountId, { assetId: "rare" });
    const first = await pair.store.listRewards(filter, undefined, 2);
    expect(first).toMatchObject({ rows: [], next: { createTime: NOON + 60n } });
    const second = await pair.store.listRewards(filter, first.next, 2);
    expect(second).toMatchObject({ rows: [], next: { createTime: NOON + 20n } });
    const third = await pair.store.listRewards(filter, second.next, 2);
    expect(third).toEqual({ rows: [rewards[0]], next: undefined });
  });
});

describeStores("a filter of listRewards", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const rewards = rewardsOf("ann");
  beforeAll(() => save(pair.store, { rewards }));

  it.each<[string, Partial<RewardFilter>, number[]]>([
    ["an asset", { assetId: "lora-2" }, [3]],
    ["a role", { role: "SPELL_CREATOR" }, [2]],
    ["a start time, inclusive", { startTime: NOON + 2n }, [4]],
    ["an end time, exclusive", { endTime: NOON + 1n }, [0]],
    ["an asset in a role", { assetId: "lora-1", role: "LORA_OWNER", endTime: NOON + 2n }, [1, 0]],
    ["nothing that there is", { assetId: "lora" }, []],
  ])("takes %s", async (_, filter, indices) => {
    for (const pageSize of [1, 2, 100]) {
      const read = await pages(pair.store, filterOf("ann", filter), pageSize);
      expect(read.flat()).toEqual(indices.map((index) => rewards[index]));
    }
  });
});

describeStores("earnings", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const day = 19_675n;
  const start = day * MICROS_PER_DAY;

  it("dates what refunds took back by when it was taken, with no use of its own", async () => {
    const accountId = fresh("ann");
    const day = NOON / MICROS_PER_DAY;
    const next = (day + 1n) * MICROS_PER_DAY;
    await save(pair.store, {
      rewards: [rewardRow(accountId, { createTime: NOON, amountUsdMicros: 10n })],
      clawbacks: [
        clawbackRow(accountId, { createTime: next, amountUsdMicros: 4n }),
        clawbackRow(accountId, { createTime: next + 1n, amountUsdMicros: 5n }),
        clawbackRow(accountId, { createTime: next, amountUsdMicros: 6n, assetId: "lora-2" }),
        clawbackRow(accountId, { createTime: next, amountUsdMicros: 7n, role: "SPELL_CREATOR" }),
        clawbackRow(fresh("ben"), { createTime: next }),
      ],
    });
    const row = (onDay: bigint, earnedUsdMicros: bigint, clawedBackUsdMicros: bigint, more = {}) => ({
      ...{ day: onDay, assetId: "lora-1", role: "LORA_OWNER", earnedUsdMicros, clawedBackUsdMicros },
      ...{ uses: earnedUsdMicros > 0n ? 1n : 0n, ...more },
    });
    const back = [
      row(day + 1n, 0n, 9n),
      row(day + 1n, 0n, 7n, { role: "SPELL_CREATOR" }),
      row(day + 1n, 0n, 6n, { assetId: "lora-2" }),
    ];
    expect(await pair.store.earnings(accountId, 0n, next)).toEqual([row(day, 10n, 0n)]);
    expect(await pair.store.earnings(accountId, next, ALWAYS.endTime)).toEqual(back);
    expect(await pair.store.earnings(accountId, 0n, ALWAYS.endTime)).toEqual([row(day, 10n, 0n), ...back]);
  });

  it("sums a creator's rewards by UTC day and asset, oldest first, and counts them", async () => {
    const accountId = fresh("ann");
    const at = (createTime: bigint, amountUsdMicros: bigint, row: Partial<RewardRow> = {}) =>
      rewardRow(accountId, { createTime, amountUsdMicros, ...row });
    await save(pair.store, {
      rewards: [
        at(start + MICROS_PER_DAY, 5n),
        at(start, 1n),
        at(start + MICROS_PER_DAY - 1n, 2n),
        at(start + 7n, 30n, { assetId: "spell-1", role: "SPELL_CREATOR" }),
        at(start + 7n, 400n, { assetId: "lora-0" }),
        rewardRow(fresh("ben"), { createTime: start, amountUsdMicros: 1_000n }),
      ],
    });
    const earned = (onDay: bigint, assetId: string, earnedUsdMicros: bigint, uses: bigint) => ({
      day: onDay,
      assetId,
      role: assetId.startsWith("spell") ? "SPELL_CREATOR" : "LORA_OWNER",
      earnedUsdMicros,
      clawedBackUsdMicros: 0n,
      uses,
    });
    expect(await pair.store.earnings(accountId, ALWAYS.startTime, ALWAYS.endTime)).toEqual([
      earned(day, "lora-0", 400n, 1n),
      earned(day, "lora-1", 3n, 2n),
      earned(day, "spell-1", 30n, 1n),
      earned(day + 1n, "lora-1", 5n, 1n),
    ]);
  });

  it("keeps the two roles of an asset apart", async () => {
    const accountId = fresh("ann");
    const roles = ["LORA_OWNER", "SPELL_CREATOR"] as const;
    await save(pair.store, { rewards: roles.map((role) => rewardRow(accountId, { role, assetId: "both" })) });
    const rows = await pair.store.earnings(accountId, ALWAYS.startTime, ALWAYS.endTime);
    expect(rows.map((row) => row.role)).toEqual(roles);
  });

  it("takes the start time in and leaves the end time out", async () => {
    const accountId = fresh("ann");
    const rewards = [0n, 1n, 2n, 3n].map((offset) =>
      rewardRow(accountId, { createTime: NOON + offset, amountUsdMicros: 10n ** offset }),
    );
    await save(pair.store, { rewards });
    const rows = await pair.store.earnings(accountId, NOON + 1n, NOON + 3n);
    expect(rows.map((row) => [row.earnedUsdMicros, row.uses])).toEqual([[110n, 2n]]);
    expect(await pair.store.earnings(fresh("nobody"), NOON, NOON + 3n)).toEqual([]);
  });
});
