import type { Knex } from "knex";
import type { CreatorAsset } from "../../domain/earnings.js";
import { MICROS_PER_DAY } from "../../domain/time.js";
import type { AssetDayKey, AssetDayToCheck, AssetUsersToCheck } from "../audit-store.js";
import { ASSET_DAYS, ASSET_USERS, CLAWBACKS, REWARDS } from "../tables.js";
import type { AuditReader } from "./audit-reader.js";
import { decoded } from "./unreadable.js";

/** Reads the sums that are made of rewards and clawbacks with what these should be. */
export class RollupsToCheck {
  constructor(
    private readonly knex: Knex,
    private readonly reader: AuditReader,
  ) {}

  /** The sums are worked out for each row by itself, from an index, so that the database never holds more than this slice. */
  async daysAfter(after: AssetDayKey, limit: number): Promise<AssetDayToCheck[]> {
    const { accountId, assetId, role, day } = after;
    const rows = await this.reader.rows(
      this.knex(`${ASSET_DAYS.name} as d`)
        .whereRaw("(d.account_id, d.asset_id, d.role, d.day) > (?, ?, ?, ?)", [accountId, assetId, role, day as never])
        .orderBy(["d.account_id", "d.asset_id", "d.role", "d.day"])
        .limit(limit)
        .select("d.*")
        .select(this.ofDay(REWARDS.name, "sum(s.amount_usd_micros)", "rewarded"))
        .select(this.ofDay(REWARDS.name, "count(*)", "rewards"))
        .select(this.ofDay(REWARDS.name, "max(s.create_time)", "last_reward_time"))
        .select(this.ofDay(CLAWBACKS.name, "sum(s.amount_usd_micros)", "taken_back")),
    );
    return rows.map((row) => ({
      sums: {
        earnedUsdMicros: BigInt(row.rewarded as bigint),
        clawedBackUsdMicros: BigInt(row.taken_back as bigint),
        uses: BigInt(row.rewards as bigint),
        lastUsedTime: BigInt(row.last_reward_time as bigint),
      },
      ...decoded(ASSET_DAYS, row),
    }));
  }

  async usersAfter({ accountId, assetId, role }: CreatorAsset, limit: number): Promise<AssetUsersToCheck[]> {
    const counted = this.knex(ASSET_USERS.name)
      .whereRaw("(account_id, asset_id, role) > (?, ?, ?)", [accountId, assetId, role])
      .groupBy("account_id", "asset_id", "role")
      .orderBy(["account_id", "asset_id", "role"])
      .limit(limit)
      .select("account_id", "asset_id", "role")
      .count({ users: "*" });
    const newUsers = `(select cast(coalesce(sum(d.new_users), 0) as bigint) from ${ASSET_DAYS.name} d
      where ${sameAsset("d", "u")}) as new_users`;
    const rows = await this.reader.rows(
      this.knex
        .from(counted.as("u"))
        .orderBy(["account_id", "asset_id", "role"])
        .select("account_id", "asset_id", "role", "users", this.knex.raw(newUsers)),
    );
    return rows.map((row) => ({
      accountId: row.account_id,
      assetId: row.asset_id,
      role: row.role,
      newUsers: BigInt(row.new_users),
      users: BigInt(row.users),
    }));
  }

  /** A sum over the rows s of one table that belong to the asset and day of a row d; 0 if there are none. */
  private ofDay(table: string, sum: string, name: string): Knex.Raw {
    const isOfDay = `s.create_time >= d.day * ${MICROS_PER_DAY} and s.create_time < (d.day + 1) * ${MICROS_PER_DAY}`;
    return this.knex.raw(
      `(select cast(coalesce(${sum}, 0) as bigint) from ${table} s where ${sameAsset("s", "d")} and ${isOfDay}) as ${name}`,
    );
  }
}

/** Whether rows under two names are of the same asset of the same creator. */
export function sameAsset(one: string, other: string): string {
  return ["account_id", "asset_id", "role"].map((column) => `${one}.${column} = ${other}.${column}`).join(" and ");
}
