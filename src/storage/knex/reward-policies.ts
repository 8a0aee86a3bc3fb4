import type { Knex } from "knex";
import type { RewardPolicyRow } from "../../domain/reward-policies.js";
import type { EpochMicros } from "../../domain/time.js";
import { LATEST_POLICY } from "../ledger-loads.js";
import type { Page, RewardPolicyCursor, RewardPolicyStore } from "../read-store.js";
import { REWARD_POLICIES } from "../tables.js";
import { rowsOf } from "./reads.js";

/** Reads of reward policies: few, the same SQL on both backends. */
export class KnexRewardPolicies implements RewardPolicyStore {
  /** @param guard turns a driver's errors into StoreErrors */
  constructor(
    private readonly knex: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
  ) {}

  rewardPolicyAt(time: EpochMicros): Promise<RewardPolicyRow> {
    return this.latest("effective_time <= ?", time);
  }

  currentRewardPolicy(now: EpochMicros): Promise<RewardPolicyRow> {
    return this.latest("(effective_time <= ? or effective_time = create_time)", now);
  }

  async rewardPolicy(policyId: string): Promise<RewardPolicyRow | undefined> {
    return (await this.rows(this.knex(REWARD_POLICIES.name).where("policy_id", policyId)))[0];
  }

  async listRewardPolicies(
    cursor: RewardPolicyCursor | undefined,
    pageSize: number,
  ): Promise<Page<RewardPolicyRow, RewardPolicyCursor>> {
    const query = this.knex(REWARD_POLICIES.name).limit(pageSize + 1);
    for (const column of ["effective_time", "create_time", "policy_id"]) query.orderBy(column, "desc");
    if (cursor) {
      const { effectiveTime, createTime, policyId } = cursor;
      query.whereRaw("(effective_time, create_time, policy_id) < (?, ?, ?)", [
        effectiveTime,
        createTime,
        policyId,
      ] as never);
    }
    const rows = await this.rows(query);
    const page = rows.slice(0, pageSize);
    return { rows: page, next: rows.length > pageSize ? page.at(-1) : undefined };
  }

  private async latest(condition: string, time: EpochMicros): Promise<RewardPolicyRow> {
    const [policy] = await this.rows(
      this.knex(REWARD_POLICIES.name).whereRaw(`${condition} ${LATEST_POLICY}`, [time as never]),
    );
    return policy as RewardPolicyRow;
  }

  private rows(query: Knex.QueryBuilder): Promise<RewardPolicyRow[]> {
    return this.guard(rowsOf(REWARD_POLICIES, query));
  }
}
