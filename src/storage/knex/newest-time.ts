import type { Knex } from "knex";
import type { EpochMicros } from "../../domain/time.js";

/** Time of the newest transaction or generation, by their time-ordered ids; 0 in an empty store. */
export async function newestTime(knex: Knex, translate: (error: unknown) => Error): Promise<EpochMicros> {
  let newest = 0n;
  try {
    for (const [table, id] of [
      ["transactions", "transaction_id"],
      ["generations", "generation_id"],
    ] as const) {
      const [row] = await knex(table).select("create_time").orderBy(id, "desc").limit(1);
      const time = row ? BigInt(row.create_time) : 0n;
      if (time > newest) newest = time;
    }
    return newest;
  } catch (error) {
    throw translate(error);
  }
}
