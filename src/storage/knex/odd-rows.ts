import type { Knex } from "knex";
import { NO_DETAILS } from "../../domain/ledger/chain.js";
import type { Stretch, StretchedTable } from "../audit-store.js";
import { type AuditReader, textIn } from "./audit-reader.js";

/*
 * What an audit needn't read, because one statement over a stretch of a table sees that it is right (docs/decisions/0032): charges, as nearly all transactions are, and completed generations that
 * name their settlement. Of anything else, right or wrong, it gives the id, and the audit's own checks decide. So what is said here may be stricter than they are, which costs time, and must never be laxer.
 */

/** What an amount may be here: ten million dollars. Where all are below, no sum leaves int8, at which SQLite would fail. */
const MOST_USD_MICROS = 10_000_000_000_000;

const KEYS: Readonly<Record<StretchedTable, string>> = {
  transactions: "transaction_id",
  generations: "generation_id",
};

export class OddRows {
  constructor(
    private readonly knex: Knex,
    private readonly reader: AuditReader,
  ) {}

  async stretchAfter(table: StretchedTable, after: string, limit: number): Promise<Stretch | undefined> {
    const key = KEYS[table];
    const following = this.knex(table).select(key).where(key, ">", after).orderBy(key).limit(limit);
    const [row] = await this.reader.rows(
      this.knex
        .from(following.as("s"))
        .count({ rows: "*" })
        .select(this.knex.raw(`max(cast(${key} as text)) as up_to`)),
    );
    return row.up_to === null ? undefined : { after, upTo: row.up_to, rows: Number(row.rows) };
  }

  /** All that isn't a charge of a caller's account, without refunds, labels or a description, whose entries, rewards and generation say the same. */
  transactions(stretch: Stretch): Promise<string[]> {
    return this.ids(
      "transaction_id",
      `with policies as materialized (${POLICIES})
       select t.transaction_id from transactions t
         left join (${SUMS_OF_ENTRIES}) e on e.transaction_id = t.transaction_id
         left join (${SUMS_OF_REWARDS}) r on r.transaction_id = t.transaction_id
         left join (${UNMATCHED}) u on u.transaction_id = t.transaction_id
         left join (${REFUNDED}) f on f.transaction_id = t.transaction_id
         left join policies p on p.policy_id = t.reward_policy_id
       where ${within("t.transaction_id")} and (
         ${IS_CHARGE}
         and case t.type when 'GENERATION_SETTLEMENT' then ${this.isSettlement()} else r.transaction_id is null end
       ) is not true`,
      stretch,
    );
  }

  /** All that isn't completed, names no settlement, or isn't named by this one alone. */
  generations(stretch: Stretch): Promise<string[]> {
    const settlement = `select case when count(*) = 1 then min(cast(t.transaction_id as text)) end from transactions t
      where t.generation_id = cast(g.generation_id as text) and t.type = 'GENERATION_SETTLEMENT'`;
    return this.ids(
      "generation_id",
      `select g.generation_id from generations g where ${within("g.generation_id")} and (
         g.state = 'COMPLETED' and g.pricing_unit <> 'FREE' and cast(g.transaction_id as text) = (${settlement})
       ) is not true`,
      stretch,
    );
  }

  private ids(key: string, sql: string, { after, upTo }: Stretch): Promise<string[]> {
    const odd = this.knex.raw(`(${sql}) as odd`, { after, upTo, noDetails: Buffer.from(NO_DETAILS) });
    return this.reader.valuesOfStretch(this.knex.from(odd).select(key).orderBy(key), ([id]) => textIn(id));
  }

  /**
   * What it takes from the payer is then what the generation cost: its entries sum to zero, and what creators get is the rewards. The generation is looked up for each row: by a join, or EXISTS, Postgres may
   * read all of them once a stretch.
   */
  private isSettlement(): string {
    return `coalesce(r.others, 0) = 0
      and coalesce(r.lowest_generation, t.generation_id) = t.generation_id
      and coalesce(r.highest_generation, t.generation_id) = t.generation_id
      and (select 1 from generations g where g.generation_id = ${this.reader.uuidOf("t.generation_id")}
        and g.transaction_id = t.transaction_id and g.state = 'COMPLETED' and g.charged_account_id = e.payer
        and g.base_cost_usd_micros = e.revenue and g.fee_usd_micros = coalesce(r.fee, 0) and g.reward_policy = p.policy
        limit 1) = 1`;
  }
}

function within(column: string): string {
  return `${column} > :after and ${column} <= :upTo`;
}

/** By where names sort that begin so: a part of each text would have to be made first. */
const IS_PLATFORMS = "(account_id >= 'sys:' and account_id < 'sys;')";
const IS_REVENUES = "(account_id >= 'sys:revenue#' and account_id < 'sys:revenue$')";
const IS_USUAL = `amount_usd_micros between -${MOST_USD_MICROS} and ${MOST_USD_MICROS}`;

/** What the entries of each transaction come to. Others are those that no charge has: neither of the one who pays nor for revenue or a creator. */
const SUMS_OF_ENTRIES = `select transaction_id,
    sum(case when ${IS_USUAL} then amount_usd_micros end) as total,
    sum(case when ${IS_USUAL} and amount_usd_micros > 0 and ${IS_REVENUES} then amount_usd_micros else 0 end) as revenue,
    sum(case when amount_usd_micros < 0 then 1 else 0 end) as payers,
    min(case when amount_usd_micros < 0 then account_id end) as payer,
    sum(case when amount_usd_micros <> 0 and ${IS_USUAL} and (not ${IS_PLATFORMS} or (amount_usd_micros > 0 and ${IS_REVENUES}))
      then 0 else 1 end) as others
  from entries where ${within("transaction_id")} group by transaction_id`;

/** What the rewards of each transaction come to. Others are those that something has been given back of, or that nobody can have earned. */
const SUMS_OF_REWARDS = `select transaction_id,
    sum(case when ${IS_USUAL} then amount_usd_micros end) as fee,
    min(cast(generation_id as text)) as lowest_generation,
    max(cast(generation_id as text)) as highest_generation,
    sum(case when amount_usd_micros > 0 and ${IS_USUAL} and refunded_usd_micros = 0 and clawed_back_usd_micros = 0
      then 0 else 1 end) as others
  from rewards where ${within("transaction_id")} group by transaction_id`;

/** Transactions in which an account, revenue aside, doesn't get what it is rewarded. */
const UNMATCHED = `select distinct transaction_id from (
    select transaction_id from (
      select transaction_id, account_id, amount_usd_micros as given from entries
      where ${within("transaction_id")} and amount_usd_micros > 0 and ${IS_USUAL} and not ${IS_REVENUES}
      union all
      select transaction_id, account_id, -amount_usd_micros from rewards where ${within("transaction_id")} and ${IS_USUAL}
    ) both_sides group by transaction_id, account_id having sum(given) <> 0
  ) unmatched`;

/** Transactions that a refund names. */
const REFUNDED = `select distinct refund_of_transaction_id as transaction_id from transactions where ${within("refund_of_transaction_id")}`;

/** Policies as generations keep them. */
const POLICIES = `select policy_id, '{"policyId":"' || policy_id || '","kind":"' || kind || '","loraFeeBps":' || lora_fee_bps
    || ',"spellFeeBps":' || spell_fee_bps || ',"spellCreatorBps":' || spell_creator_bps || ',"poolBps":' || pool_bps || '}' as policy
  from reward_policies`;

const IS_CHARGE = `t.type in ('DEBIT', 'HOLD_CAPTURE', 'GENERATION_SETTLEMENT')
  and t.refund_of_transaction_id is null and t.refunded_usd_micros = 0 and f.transaction_id is null
  and t.description = '' and t.metadata = '{}' and t.details_digest = :noDetails
  and e.total = 0 and e.payers = 1 and e.others = 0 and u.transaction_id is null`;
