import type { Knex } from "knex";
import { MICROS_PER_DAY } from "../../domain/time.js";
import type {
  AuditedRequest,
  ClawbackKey,
  ClawbackToCheck,
  RewardFound,
  RewardToCheck,
  Which,
} from "../audit-store.js";
import type { RequestKey } from "../store.js";
import {
  ASSET_DAYS,
  ASSET_USERS,
  CLAWBACKS,
  GENERATIONS,
  HOLDS,
  REQUESTS,
  REWARD_POLICIES,
  REWARDS,
  TRANSACTIONS,
} from "../tables.js";
import { type AuditReader, textIn } from "./audit-reader.js";
import { sameAsset } from "./rollups-to-check.js";

/** Reads rewards, clawbacks and requests and says of each whether what belongs to it is there, or reads only those for which something isn't. */
export class StraysToCheck {
  constructor(
    private readonly knex: Knex,
    private readonly reader: AuditReader,
  ) {}

  async rewardsAfter(after: RewardToCheck, limit: number, which: Which = "all"): Promise<RewardFound[]> {
    const rows = this.knex(`${REWARDS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "r.transaction_id")
      .joinRaw(`left join ${ASSET_DAYS.name} as d on ${sameAsset("d", "r")} and d.day = ${dayIn("r")}`)
      .joinRaw(
        `left join ${ASSET_USERS.name} as u on ${sameAsset("u", "r")}
           and u.user_account_id = r.user_account_id and u.first_day <= ${dayIn("r")}`,
      )
      .orderBy(["r.transaction_id", "r.position"])
      .limit(limit)
      .select("r.transaction_id", "r.position", "t.transaction_id as found")
      .select("d.account_id as found_day", "u.account_id as found_user");
    if (after.transactionId !== "")
      rows.whereRaw("(r.transaction_id, r.position) > (?, ?)", [after.transactionId, after.position]);
    if (which === "strays") rows.whereRaw("(t.transaction_id is null or d.account_id is null or u.account_id is null)");
    return (await this.reader.rows(rows)).map((row) => ({
      transactionId: row.transaction_id,
      position: Number(row.position),
      hasTransaction: row.found !== null,
      hasDay: row.found_day !== null,
      hasUser: row.found_user !== null,
    }));
  }

  async clawbacksAfter(after: ClawbackKey, limit: number, which: Which = "all"): Promise<ClawbackToCheck[]> {
    const rows = this.knex(`${CLAWBACKS.name} as c`)
      .leftJoin(`${TRANSACTIONS.name} as t`, (on) =>
        on.on("t.transaction_id", "c.transaction_id").andOnVal("t.type", "REFUND"),
      )
      .joinRaw(
        `left join ${REWARDS.name} as r on ${sameAsset("r", "c")}
           and r.transaction_id = t.refund_of_transaction_id and r.position = c.position`,
      )
      .joinRaw(`left join ${ASSET_DAYS.name} as d on ${sameAsset("d", "c")} and d.day = ${dayIn("c")}`)
      .orderBy(["c.transaction_id", "c.position"])
      .limit(limit)
      .select("c.transaction_id", "c.position", "r.transaction_id as found", "d.account_id as found_day");
    if (after.transactionId !== "")
      rows.whereRaw("(c.transaction_id, c.position) > (?, ?)", [after.transactionId, after.position]);
    if (which === "strays") rows.whereRaw("(r.transaction_id is null or d.account_id is null)");
    return (await this.reader.rows(rows)).map((row) => ({
      transactionId: row.transaction_id,
      position: Number(row.position),
      hasReward: row.found !== null,
      hasDay: row.found_day !== null,
    }));
  }

  /** Ids of the transactions whose request's record is missing or names something else. All of them are joined: for the first thousand of what is hardly ever there, Postgres would look up each. */
  unrecordedAfter(transactionId: string, limit: number): Promise<string[]> {
    const rows = this.knex(`${TRANSACTIONS.name} as t`)
      .leftJoin(`${REQUESTS.name} as r`, isRecorded)
      .where("t.request_id", "<>", "")
      .whereNull("r.request_id")
      .where("t.transaction_id", ">", transactionId)
      .orderBy("t.transaction_id")
      .limit(limit)
      .select("t.transaction_id");
    return this.reader.valuesOfStretch(rows, ([id]) => textIn(id));
  }

  async requestsAfter(after: RequestKey, limit: number, which: Which = "all"): Promise<AuditedRequest[]> {
    const found = "coalesce(cast(coalesce(t.transaction_id, g.generation_id, h.hold_id) as text), p.policy_id)";
    const rows = this.knex(`${REQUESTS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, isRecorded)
      .leftJoin(`${GENERATIONS.name} as g`, (on) =>
        on.on("g.generation_id", "r.resource_id").andOnVal("r.resource_kind", "GENERATION"),
      )
      .leftJoin(`${HOLDS.name} as h`, (on) => on.on("h.hold_id", "r.resource_id").andOnVal("r.resource_kind", "HOLD"))
      .leftJoin(`${REWARD_POLICIES.name} as p`, (on) =>
        on.on("p.policy_id", this.knex.raw("cast(r.resource_id as text)")).andOnVal("r.resource_kind", "REWARD_POLICY"),
      )
      .orderBy(["r.caller", "r.request_id"])
      .limit(limit)
      .select("r.caller", "r.request_id", "r.resource_kind", "r.resource_id", this.knex.raw(`${found} as found`));
    if (after.caller !== "" || after.requestId !== "")
      rows.whereRaw("(r.caller, r.request_id) > (?, ?)", [after.caller, after.requestId]);
    if (which === "strays") rows.whereRaw(`${found} is null`);
    return (await this.reader.rows(rows)).map((row) => ({
      caller: row.caller,
      requestId: row.request_id,
      resourceKind: row.resource_kind,
      resourceId: row.resource_id,
      hasEffect: row.found !== null,
    }));
  }
}

/** Whether a request's record r is that of a transaction t. */
function isRecorded(on: Knex.JoinClause): void {
  on.on("r.resource_id", "t.transaction_id")
    .andOn("r.caller", "t.caller")
    .andOn("r.request_id", "t.request_id")
    .andOnVal("r.resource_kind", "TRANSACTION");
}

/** The day of a row's create_time. */
function dayIn(row: string): string {
  return `${row}.create_time / ${MICROS_PER_DAY}`;
}
