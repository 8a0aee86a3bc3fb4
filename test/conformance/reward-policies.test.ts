import { beforeAll, expect, it } from "vitest";
import { ADR_012_POLICY } from "../../src/domain/fees.js";
import type { RewardPolicyRow } from "../../src/domain/reward-policies.js";
import type { RewardPolicyCursor } from "../../src/storage/read-store.js";
import { describeStores } from "../support/stores.js";
import { generationRow, NOON, requestRow, rewardPolicyRow } from "./rows.js";
import { fresh, ids, openedPair, pagesOf, save } from "./support.js";

const FIRST: RewardPolicyRow = { ...ADR_012_POLICY, effectiveTime: 0n, createTime: 0n };

describeStores("a new store", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("has ADR-012 as its policy at any time, and no other", async () => {
    for (const time of [0n, NOON, NOON * 100n]) {
      expect(await pair.store.rewardPolicyAt(time)).toEqual(FIRST);
      expect(await pair.store.currentRewardPolicy(time)).toEqual(FIRST);
      expect(await pair.store.transact((transaction) => transaction.loadRewardPolicy(time))).toEqual(FIRST);
    }
    expect(await pair.store.rewardPolicy("adr-012")).toEqual(FIRST);
    expect(await pair.store.listRewardPolicies(undefined, 10)).toEqual({ rows: [FIRST], next: undefined });
  });
});

describeStores("reward policies", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const [low = "", high = ""] = ids(2);
  const planned = rewardPolicyRow({ effectiveTime: NOON + 30n, createTime: NOON });
  const earlier = rewardPolicyRow({ effectiveTime: NOON + 10n, createTime: NOON + 1n });
  const later = rewardPolicyRow({ policyId: low, effectiveTime: NOON + 10n, createTime: NOON + 2n });
  const last = rewardPolicyRow({ policyId: high, effectiveTime: NOON + 10n, createTime: NOON + 2n });
  const atOnce = rewardPolicyRow({ effectiveTime: NOON + 20n, createTime: NOON + 20n });
  const newestFirst = [planned, atOnce, last, later, earlier, FIRST];
  beforeAll(() => save(pair.store, { rewardPolicies: [last, planned, later, atOnce, earlier] }));

  it.each<[string, bigint, RewardPolicyRow]>([
    ["before its time", 9n, FIRST],
    ["from its time on; of several, the one created last, then the one with the highest id", 10n, last],
    ["until the next", 19n, last],
    ["that came into force at once", 20n, atOnce],
    ["that was set ahead", 30n, planned],
  ])("one in force at a time: %s", async (_, micros, policy) => {
    expect(await pair.other.rewardPolicyAt(NOON + micros)).toEqual(policy);
    const loaded = await pair.other.transact((transaction) => transaction.loadRewardPolicy(NOON + micros));
    expect(loaded).toEqual(policy);
  });

  it("one in force as it was set is current for a reader whose clock lags behind, one set ahead is not", async () => {
    expect(await pair.other.currentRewardPolicy(NOON)).toEqual(atOnce);
    expect(await pair.other.currentRewardPolicy(NOON + 29n)).toEqual(atOnce);
    expect(await pair.other.currentRewardPolicy(NOON + 30n)).toEqual(planned);
  });

  it("is found by id, and nothing under another", async () => {
    expect(await pair.other.rewardPolicy(later.policyId)).toEqual(later);
    for (const unknown of ["", "no-uuid", "'; drop table reward_policies; --", "ADR-012"]) {
      expect(await pair.other.rewardPolicy(unknown)).toBeUndefined();
    }
  });

  it("are listed with the last to come into force first, from below the cursor", async () => {
    for (const [pageSize, pages] of [
      [1, 6],
      [4, 2],
      [6, 1],
      [7, 1],
    ] as const) {
      const read = await pagesOf<RewardPolicyRow, RewardPolicyCursor>((cursor) =>
        pair.other.listRewardPolicies(cursor, pageSize),
      );
      expect(read.flat()).toEqual(newestFirst);
      expect(read).toHaveLength(pages);
    }
  });

  it("is seen by a transaction that began before it was committed, from its commit on", async () => {
    const own = rewardPolicyRow({ effectiveTime: NOON + 1_000n });
    await pair.store.transact(async (transaction) => {
      expect((await transaction.loadRewardPolicy(NOON + 1_000n)).policyId).toBe(planned.policyId);
      // SQLite has one writer: there nobody commits meanwhile.
      if (pair.store.backend === "sqlite") return;
      await save(pair.other, { rewardPolicies: [own] });
      expect(await transaction.loadRewardPolicy(NOON + 1_000n)).toEqual(own);
    });
  });

  it("is what its request is checked to have made", async () => {
    const [made, missing] = [rewardPolicyRow(), rewardPolicyRow()];
    const caller = fresh("caller");
    await save(pair.store, {
      rewardPolicies: [made],
      requests: [made, missing].map(({ policyId }) =>
        requestRow({ caller, requestId: policyId, resourceKind: "REWARD_POLICY", resourceId: policyId }),
      ),
    });
    const read = await pair.other.snapshot((view) => view.requestsAfter({ caller, requestId: "" }, 100));
    const own = read.filter((request) => request.caller === caller);
    expect(own.map(({ requestId, hasEffect }) => [requestId, hasEffect])).toEqual(
      [
        [made.policyId, true],
        [missing.policyId, false],
      ].sort(),
    );
  });

  it("that a generation keeps names the row where it can't be read", async () => {
    const generation = generationRow();
    await save(pair.store, { openedGenerations: [generation] });
    await pair.database.tamper(
      `update generations set reward_policy = '{' where generation_id = '${generation.generationId}'`,
    );
    const read = pair.other.snapshot((view) => view.generationsToCheckAfter("", 100));
    const message = expect.stringContaining(generation.generationId);
    await expect(read).rejects.toMatchObject({ kind: "REFUSED", message });
  });
});
