import createKnex, { type Knex } from "knex";
import { MICROS_PER_DAY } from "../../domain/time.js";
import { openStore } from "../../storage/open.js";
import { BIG_CREATOR, OTHER_CREATORS, OTHERS_EVERY, type RewardPlan, rowsOf } from "./reward-plan.js";

/** Rewards in one statement: some seconds of work, so that progress shows. */
const CHUNK = 100_000;
/** Numbers that are prime to each other and to the counts, so that row numbers end up far apart, the same way each time. */
const [USER_STEP, ASSET_STEP, AMOUNT_STEP] = [7_919, 104_729, 611_953];

type Backend = "sqlite" | "postgres";

/** An integer as hex digits, with leading zeros. */
const HEX: Readonly<Record<Backend, (value: string, digits: number) => string>> = {
  sqlite: (value, digits) => `printf('%0${digits}x', ${value})`,
  postgres: (value, digits) => `lpad(to_hex(${value}), ${digits}, '0')`,
};

/**
 * Fills an empty store with rewards by inserts of whole sets, past the service: enough for all that is read of creators' earnings, their sums included, but without the entries and generations
 * that such rewards would have, so its books don't audit.
 * @param onProgress called after each statement with the rewards written so far
 */
export async function fillRewards(
  databaseUrl: string,
  plan: RewardPlan,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const store = openStore(databaseUrl);
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
  const backend: Backend = databaseUrl.startsWith("postgres") ? "postgres" : "sqlite";
  const knex = connect(databaseUrl, backend);
  try {
    const total = rowsOf(plan);
    for (let first = 0; first < total; first += CHUNK) {
      const last = Math.min(first + CHUNK, total);
      await knex.raw(insertRewards(plan, backend, first, last));
      onProgress(last, total);
    }
    for (const sql of sumsOf(backend)) await knex.raw(sql);
  } finally {
    await knex.destroy();
  }
}

function connect(url: string, backend: Backend): Knex {
  if (backend === "postgres") return createKnex({ client: "pg", connection: url, pool: { min: 0, max: 1 } });
  const connection = { filename: url.slice("sqlite:".length) };
  return createKnex({ client: "better-sqlite3", connection, useNullAsDefault: true });
}

/** Rewards number `first` to before `last`, oldest first, evenly over the days. Ids are UUIDs that begin with the time, as the service's do. */
function insertRewards(plan: RewardPlan, backend: Backend, first: number, last: number): string {
  const hex = HEX[backend];
  const total = rowsOf(plan);
  const step = (BigInt(plan.days) * MICROS_PER_DAY) / BigInt(total);
  const start = plan.endTime - step * BigInt(total);
  const id = (variant: string) => {
    const uuid = `substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-${variant}-' || ${hex("i", 12)}`;
    return backend === "postgres" ? `(${uuid})::uuid` : uuid;
  };
  return `
    insert into rewards (transaction_id, position, account_id, role, asset_id, generation_id, user_account_id,
      amount_usd_micros, refunded_usd_micros, clawed_back_usd_micros, create_time)
    with recursive numbers(i) as (
      select cast(${first} as bigint) union all select i + 1 from numbers where i + 1 < ${last}
    ), rows_of as (
      select i, ${start} + i * ${step} as create_time, ${hex(`(${start} + i * ${step}) / 1000`, 12)} as h,
        (i * ${ASSET_STEP} + ${plan.seed}) % ${plan.assets} as asset,
        (i * ${USER_STEP} + ${plan.seed}) % ${plan.users} as who,
        (i * ${AMOUNT_STEP} + ${plan.seed}) % 5000 + 1 as amount
      from numbers
    )
    select ${id("8000")}, 0,
      case when i % ${OTHERS_EVERY} = 0 then 'creator:' || (i / ${OTHERS_EVERY} % ${OTHER_CREATORS}) else '${BIG_CREATOR}' end,
      case when asset % 10 = 0 then 'SPELL_CREATOR' else 'LORA_OWNER' end,
      'asset-' || asset, ${id("9000")}, 'user:' || who, amount, 0, 0, create_time
    from rows_of`;
}

/** The sums and users of the rewards that are there, as the service would have written them, and what the database has to know to plan well. */
function sumsOf(backend: Backend): string[] {
  const asset = "account_id, asset_id, role";
  return [
    `insert into asset_users (${asset}, user_account_id, first_day)
     select ${asset}, user_account_id, min(create_time) / ${MICROS_PER_DAY} from rewards group by ${asset}, user_account_id`,
    `insert into asset_days (${asset}, day, earned_usd_micros, clawed_back_usd_micros, uses, new_users, last_used_time)
     select ${asset}, day, sum(earned), 0, sum(uses), sum(new_users), max(last_used_time) from (
       select ${asset}, create_time / ${MICROS_PER_DAY} as day, sum(amount_usd_micros) as earned, count(*) as uses, 0 as new_users,
         max(create_time) as last_used_time
       from rewards group by ${asset}, create_time / ${MICROS_PER_DAY}
       union all
       select ${asset}, first_day, 0, 0, count(*), 0 from asset_users group by ${asset}, first_day) summed
     group by ${asset}, day`,
    ...(backend === "postgres" ? ["vacuum (analyze) rewards", "vacuum (analyze) asset_days"] : []),
    "analyze",
  ];
}
