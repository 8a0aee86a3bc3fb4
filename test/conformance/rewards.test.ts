import { beforeAll, expect, it } from "vitest";
import type { RewardRow } from "../../src/domain/ledger/rows.js";
import type { ReadStore, RewardCursor, RewardFilter } from "../../src/storage/read-store.js";
import { describeStores } from "../support/stores.js";
import { NOON, rewardRow } from "./rows.js";
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

  it("fills its pages whatever the filter: one that takes few rows finds them at once", async () => {
    const accountId = fresh("ann");
    const rewards = Array.from({ length: 100 }, (_, index) =>
      rewardRow(accountId, {
        createTime: NOON + BigInt(index),
        assetId: index % 50 === 0 ? "rare" : "common",
        role: index === 50 ? "SPELL_CREATOR" : "LORA_OWNER",
      }),
    );
    await save(pair.store, { rewards });
    const ofAsset = await pair.store.listRewards(filterOf(accountId, { assetId: "rare" }), undefined, 2);
    expect(ofAsset).toEqual({ rows: [rewards[50], rewards[0]], next: undefined });
    const inRole = await pair.store.listRewards(filterOf(accountId, { role: "SPELL_CREATOR" }), undefined, 2);
    expect(inRole).toEqual({ rows: [rewards[50]], next: undefined });
    const common = await pages(pair.store, filterOf(accountId, { assetId: "common" }), 7);
    expect(common.map((page) => page.length)).toEqual([...Array(14).fill(7)]);
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
