import type { Knex } from "knex";
import type { CastStep } from "../../domain/generation/cast.js";
import type { Generation } from "../../domain/generation/generation.js";
import type { EpochMicros } from "../../domain/time.js";
import type { CastCursor, GenerationFilter, Page, PayerRole, ReadStore } from "../read-store.js";
import { GENERATIONS } from "../tables.js";
import { filteredPage, matchesGeneration, rowsOf } from "./reads.js";

type GenerationLookups = Pick<
  ReadStore,
  "listCast" | "castSteps" | "openGenerations" | "accountsAbleToPay" | "unpaidGenerations"
>;

/** As the partial index says it: bound as a parameter it would hide from SQLite that the index serves. */
const UNPAID = "state_reason = 'INSUFFICIENT_FUNDS'";

const PAYER_COLUMNS: Readonly<Record<PayerRole, string>> = {
  PAYER: "payer_account_id",
  FALLBACK: "fallback_payer_account_id",
};

/** Generations by something else than their names: steps of a cast, and what sweeps look for. The same SQL on both backends. */
export class KnexGenerationLookups implements GenerationLookups {
  /** @param guard turns a driver's errors into StoreErrors */
  constructor(
    private readonly knex: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
  ) {}

  listCast(
    filter: GenerationFilter,
    cursor: CastCursor | undefined,
    pageSize: number,
  ): Promise<Page<Generation, CastCursor>> {
    return filteredPage({
      pageSize,
      cursor,
      cursorOf: ({ stepIndex, generationId }) => ({ stepIndex, generationId }),
      matches: (generation) => matchesGeneration(generation, filter),
      slice: (above) => {
        const query = this.stepsOf(filter.accountId, filter.castId, pageSize + 1);
        if (above) {
          query.whereRaw("(step_index, generation_id) > (?, ?)", [above.stepIndex, above.generationId]);
        }
        return this.guard(rowsOf(GENERATIONS, query));
      },
    });
  }

  async castSteps(accountId: string, castId: string, limit: number): Promise<CastStep[]> {
    const columns = ["generation_id", "step_index", "state", "base_cost_usd_micros", "fee_usd_micros"];
    const rows = await this.guard(this.stepsOf(accountId, castId, limit).select(columns));
    return (rows as Record<string, unknown>[]).map((row) => ({
      generationId: row.generation_id as string,
      stepIndex: Number(row.step_index),
      state: row.state as CastStep["state"],
      baseCostUsdMicros: row.base_cost_usd_micros === null ? null : BigInt(row.base_cost_usd_micros as bigint),
      feeUsdMicros: BigInt(row.fee_usd_micros as bigint),
    }));
  }

  async openGenerations(createdBefore: EpochMicros, limit: number): Promise<string[]> {
    const query = this.knex(GENERATIONS.name)
      .whereRaw("state in ('PENDING', 'RUNNING')")
      .where("create_time", "<=", createdBefore as never);
    return this.idsOf(query, limit);
  }

  async accountsAbleToPay(
    createdAfter: EpochMicros,
    after: string,
    limit: number,
    among?: readonly string[],
  ): Promise<string[]> {
    const debtors = (role: PayerRole) => {
      const column = PAYER_COLUMNS[role];
      const query = this.unpaid(createdAfter).where(column, ">", after);
      if (among) query.whereIn(column, among);
      return query.select(`${column} as account_id`, "base_cost_usd_micros");
    };
    const query = this.knex
      .from(
        debtors("PAYER")
          .unionAll([debtors("FALLBACK")])
          .as("u"),
      )
      .join("accounts as a", "a.account_id", "u.account_id")
      .whereRaw("u.base_cost_usd_micros <= a.balance_usd_micros - a.held_usd_micros")
      .distinct("a.account_id")
      .orderBy("a.account_id")
      .limit(limit);
    return (await this.guard(query)).map((row: { account_id: string }) => row.account_id);
  }

  unpaidGenerations(accountId: string, role: PayerRole, createdAfter: EpochMicros, limit: number): Promise<string[]> {
    return this.idsOf(this.unpaid(createdAfter).where(PAYER_COLUMNS[role], accountId), limit);
  }

  private unpaid(createdAfter: EpochMicros): Knex.QueryBuilder {
    return this.knex(GENERATIONS.name)
      .whereRaw(UNPAID)
      .where("create_time", ">=", createdAfter as never);
  }

  /** Oldest first. */
  private async idsOf(query: Knex.QueryBuilder, limit: number): Promise<string[]> {
    const oldest = query.orderBy(["create_time", "generation_id"]).limit(limit).select("generation_id");
    return (await this.guard(oldest)).map((row: { generation_id: string }) => row.generation_id);
  }

  private stepsOf(accountId: string, castId: string, limit: number): Knex.QueryBuilder {
    return this.knex(GENERATIONS.name)
      .where({ account_id: accountId, cast_id: castId })
      .whereRaw("cast_id <> ''")
      .orderBy(["step_index", "generation_id"])
      .limit(limit);
  }
}
