import type { Knex } from "knex";
import {
  type AssetUsage,
  type BucketEarnings,
  type EarningsBucket,
  firstDayOf,
  splitRange,
} from "../../domain/earnings.js";
import { REWARD_ROLES, type RewardRole } from "../../domain/fees.js";
import type { RewardRow } from "../../domain/ledger/rows.js";
import type { AssetCursor, EarningsFilter, Page, ReadStore, RewardCursor, RewardFilter } from "../read-store.js";
import type { Store } from "../store.js";
import { REWARDS } from "../tables.js";
import { rowsOf } from "./reads.js";

/** The order of a list of rewards; the end of the indexes that serve it. */
const NEWEST_FIRST = ["create_time", "transaction_id", "position"].map((column) => ({ column, order: "desc" }));

/** First day of the bucket that a column "day" is in, as domain/earnings.ts works it out. */
const FIRST_DAY: Readonly<Record<EarningsBucket, Readonly<Record<Store["backend"], string>>>> = {
  DAY: { sqlite: "day", postgres: "day" },
  WEEK: { sqlite: "day - (day + 3) % 7", postgres: "day - (day + 3) % 7" },
  MONTH: {
    sqlite: "unixepoch(day * 86400, 'unixepoch', 'start of month') / 86400",
    postgres: "(date_trunc('month', (date '1970-01-01' + day::integer)::timestamp)::date - date '1970-01-01')::bigint",
  },
};

type RewardReadsOf = Pick<ReadStore, "listRewards" | "earnings" | "listAssetUsage">;

/** Reads of what creators earn. */
export class KnexRewardReads implements RewardReadsOf {
  /** @param guard turns a driver's errors into StoreErrors */
  constructor(
    private readonly knex: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
    private readonly backend: Store["backend"],
  ) {}

  async listRewards(
    filter: RewardFilter,
    cursor: RewardCursor | undefined,
    pageSize: number,
  ): Promise<Page<RewardRow, RewardCursor>> {
    // The indexes lead with the role: without that filter, a page of each is read and the two are merged.
    const roles = filter.role === undefined ? REWARD_ROLES : [filter.role];
    const pages = roles.map((role) =>
      this.knex.select("*").from(this.rewardsInRole(filter, role, cursor, pageSize + 1).as(`in_${role.toLowerCase()}`)),
    );
    const merged = this.knex
      .select("*")
      .from(this.knex.unionAll(pages).as("merged"))
      .orderBy(NEWEST_FIRST)
      .limit(pageSize + 1);
    const found = await this.guard(rowsOf(REWARDS, merged));
    const rows = found.slice(0, pageSize);
    const last = rows.at(-1);
    return { rows, next: found.length > pageSize && last ? cursorOf(last) : undefined };
  }

  async earnings(
    { accountId, startTime, endTime }: EarningsFilter,
    bucket: EarningsBucket,
    byAsset: boolean,
    limit: number,
  ): Promise<BucketEarnings[]> {
    const { wholeDays, cutDays } = splitRange(startTime, endTime);
    const parts = [this.wholeDays(accountId, wholeDays, bucket)];
    for (const cut of cutDays) {
      parts.push(this.cutDay("rewards", "amount_usd_micros, 0, 1", accountId, cut, bucket));
      parts.push(this.cutDay("clawbacks", "0, amount_usd_micros, 0", accountId, cut, bucket));
    }
    const keys = byAsset ? ["first_day", "asset_id", "role"] : ["first_day"];
    const sums = ["earned_usd_micros", "clawed_back_usd_micros", "uses"];
    // One statement, so that all of it is of one moment.
    const query = this.knex
      .select(...keys, ...sums.map((column) => this.sumOf(column)))
      .from(this.knex.unionAll(parts).as("earned"))
      .groupBy(keys)
      .orderBy(keys)
      .limit(limit);
    const rows = (await this.guard(query)) as Record<string, unknown>[];
    return rows.map((row) => ({
      firstDay: BigInt(row.first_day as bigint),
      asset: byAsset ? { assetId: row.asset_id as string, role: row.role as RewardRole } : undefined,
      earnedUsdMicros: BigInt(row.earned_usd_micros as bigint),
      clawedBackUsdMicros: BigInt(row.clawed_back_usd_micros as bigint),
      uses: BigInt(row.uses as bigint),
    }));
  }

  async listAssetUsage(
    accountId: string,
    cursor: AssetCursor | undefined,
    pageSize: number,
  ): Promise<Page<AssetUsage, AssetCursor>> {
    // In the order of the primary key, so that only the days of the page's assets are read.
    const query = this.knex("asset_days")
      .where("account_id", accountId)
      .select("asset_id", "role", this.sumOf("uses"), this.sumOf("new_users"), this.sumOf("earned_usd_micros"))
      .max({ last_used_time: "last_used_time" })
      .groupBy("asset_id", "role")
      .orderBy(["asset_id", "role"])
      .limit(pageSize + 1);
    if (cursor) query.whereRaw("(asset_id, role) > (?, ?)", [cursor.assetId, cursor.role]);
    const found = (await this.guard(query)) as Record<string, unknown>[];
    const rows = found.slice(0, pageSize).map((row) => ({
      assetId: row.asset_id as string,
      role: row.role as RewardRole,
      uses: BigInt(row.uses as bigint),
      distinctUsers: BigInt(row.new_users as bigint),
      earnedUsdMicros: BigInt(row.earned_usd_micros as bigint),
      lastUsedTime: BigInt(row.last_used_time as bigint),
    }));
    const last = rows.at(-1);
    return { rows, next: found.length > pageSize && last ? { assetId: last.assetId, role: last.role } : undefined };
  }

  private rewardsInRole(
    { accountId, assetId, startTime, endTime }: RewardFilter,
    role: RewardRole,
    cursor: RewardCursor | undefined,
    limit: number,
  ): Knex.QueryBuilder {
    const query = this.knex(REWARDS.name)
      .where("account_id", accountId)
      .where("role", role)
      .where("create_time", ">=", startTime as never);
    if (assetId !== "") query.where("asset_id", assetId);
    if (!cursor) {
      query.where("create_time", "<", endTime as never);
    } else {
      // The cursor is before the end anyway. With both, Postgres would start at the end and read its way down to the cursor.
      const { createTime, transactionId, position } = cursor;
      query.whereRaw("(create_time, transaction_id, position) < (?, ?, ?)", [
        createTime as never,
        transactionId,
        position,
      ]);
    }
    return query.orderBy(NEWEST_FIRST).limit(limit);
  }

  private wholeDays(accountId: string, [from, before]: readonly [bigint, bigint], bucket: EarningsBucket) {
    return this.knex("asset_days")
      .where("account_id", accountId)
      .where("day", ">=", from as never)
      .where("day", "<", before as never)
      .select(
        this.knex.raw(`${FIRST_DAY[bucket][this.backend]} as first_day`),
        ...["asset_id", "role", "earned_usd_micros", "clawed_back_usd_micros", "uses"],
      );
  }

  /** @param sums what each row adds: earned, clawed back, uses */
  private cutDay(
    table: "rewards" | "clawbacks",
    sums: string,
    accountId: string,
    { day, startTime, endTime }: ReturnType<typeof splitRange>["cutDays"][number],
    bucket: EarningsBucket,
  ) {
    // The role is there for the index.
    return this.knex(table)
      .where("account_id", accountId)
      .whereIn("role", [...REWARD_ROLES])
      .where("create_time", ">=", startTime as never)
      .where("create_time", "<", endTime as never)
      .select(this.knex.raw(`${firstDayOf(bucket, day)}, asset_id, role, ${sums}`));
  }

  /** A sum as the bigint that it is, where Postgres would make it numeric. */
  private sumOf(column: string): Knex.Raw {
    return this.knex.raw(`cast(sum(${column}) as bigint) as ${column}`);
  }
}

function cursorOf({ createTime, transactionId, position }: RewardRow): RewardCursor {
  return { createTime, transactionId, position };
}
