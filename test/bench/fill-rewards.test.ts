import { afterAll, beforeAll, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { fillRewards } from "../../src/bench/rewards/fill-rewards.js";
import { BIG_CREATOR, planOf } from "../../src/bench/rewards/reward-plan.js";
import type { Store } from "../../src/storage/store.js";
import { describeStores, type TestDatabase } from "../support/stores.js";

const PLAN = planOf(3_000);
const ALWAYS = { startTime: 0n, endTime: PLAN.endTime };

describeStores("a store filled with rewards", (makeDatabase) => {
  let database: TestDatabase;
  let store: Store;
  const said: [number, number][] = [];
  beforeAll(async () => {
    database = await makeDatabase();
    await fillRewards(database.url, PLAN, (done, total) => said.push([done, total]));
    store = await database.open();
  });
  afterAll(() => database.destroy());

  it("has as many rewards of the one creator as asked for, over all days and assets, and some of others", async () => {
    const byAsset = await store.listAssetUsage(BIG_CREATOR, undefined, 100);
    expect(byAsset.rows).toHaveLength(PLAN.assets);
    expect(byAsset.rows.reduce((sum, row) => sum + row.uses, 0n)).toBe(3_000n);
    const byDay = await store.earnings({ accountId: BIG_CREATOR, ...ALWAYS }, "DAY", false, 1_000);
    expect(byDay).toHaveLength(PLAN.days);
    const [others] = (await store.listAssetUsage("creator:0", undefined, 1)).rows;
    expect(others?.uses).toBeGreaterThan(0n);
    expect(said.at(-1)).toEqual([3_150, 3_150]);
  });

  it("has the sums that the service would have written: an audit misses nothing but the settlements", async () => {
    const { violations } = await auditLedger(store);
    expect(violations.map(({ invariant, count }) => [invariant, count])).toEqual([["reward-has-settlement", 3_150]]);
  });

  it("is the same every time", async () => {
    const again = await makeDatabase();
    await fillRewards(again.url, PLAN, () => {});
    const filter = { accountId: BIG_CREATOR, assetId: "", role: undefined, ...ALWAYS };
    const rows = async (of: Store) => (await of.listRewards(filter, undefined, 100)).rows;
    expect(await rows(await again.open())).toEqual(await rows(store));
    await again.destroy();
  });
});
