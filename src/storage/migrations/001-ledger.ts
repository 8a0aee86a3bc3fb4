import type { Knex } from "knex";
import { NEVER } from "../columns.js";
import type { Dialect } from "./migrations.js";

/**
 * The books, generations and rewards. Keys are chosen so that what one account owns can live together; there are no foreign keys on the hot path, where each would
 * cost a look-up and a lock a row: the audit looks for strays instead (docs/decisions/0006).
 */
export async function up(knex: Knex, dialect: Dialect): Promise<void> {
  const { text, uuid, bytes, float8 } = dialect;

  await knex.schema.createTable("requests", (t) => {
    t.specificType("caller", text).notNullable();
    t.specificType("request_id", text).notNullable();
    t.specificType("fingerprint", bytes).notNullable();
    t.specificType("resource_kind", text).notNullable();
    t.specificType("resource_id", uuid).notNullable();
    t.primary(["caller", "request_id"]);
  });

  await knex.schema.createTable("accounts", (t) => {
    t.specificType("account_id", text).primary();
    t.bigInteger("balance_usd_micros").notNullable();
    t.bigInteger("held_usd_micros").notNullable();
    t.bigInteger("promotional_usd_micros").notNullable();
    t.bigInteger("version").notNullable();
    t.specificType("chain_head", bytes).notNullable();
    t.bigInteger("next_expiry_time").notNullable();
    t.bigInteger("create_time").notNullable();
    t.bigInteger("update_time").notNullable();
  });

  // The accounts that a sweep has to look at: nearly all never expire anything.
  await knex.raw(`create index accounts_next_expiry on accounts (next_expiry_time) where next_expiry_time < ${NEVER}`);

  await knex.schema.createTable("credit_grants", (t) => {
    t.specificType("grant_id", uuid).primary();
    t.specificType("account_id", text).notNullable();
    t.specificType("category", text).notNullable();
    t.integer("priority").notNullable();
    t.bigInteger("expire_time").notNullable();
    t.boolean("is_rolling").notNullable();
    t.boolean("is_open").notNullable();
    t.bigInteger("issued_usd_micros").notNullable();
    t.bigInteger("remaining_usd_micros").notNullable();
    t.specificType("transaction_id", uuid).notNullable();
    t.bigInteger("account_version").notNullable();
    t.bigInteger("create_time").notNullable();
    t.index(["account_id", "grant_id"]);
  });
  // Burn order, of the grants that a debit may look at: the open ones and the rolling one. PROMOTIONAL sorts after PAID, hence DESC.
  await knex.raw(
    "create index credit_grants_burn_order on credit_grants (account_id, priority, expire_time, category desc, account_version, grant_id) where is_open or is_rolling",
  );
  await knex.raw("create unique index credit_grants_rolling on credit_grants (account_id) where is_rolling");

  await knex.raw(
    `create index credit_grants_expiry on credit_grants (account_id, expire_time) where is_open and expire_time < ${NEVER}`,
  );

  await knex.schema.createTable("holds", (t) => {
    t.specificType("hold_id", uuid).primary();
    t.specificType("account_id", text).notNullable();
    t.bigInteger("amount_usd_micros").notNullable();
    t.bigInteger("captured_usd_micros").notNullable();
    t.specificType("state", text).notNullable();
    t.specificType("generation_id", uuid);
    t.specificType("description", text).notNullable();
    t.bigInteger("expire_time").notNullable();
    t.bigInteger("create_time").notNullable();
    t.index(["account_id", "hold_id"]);
  });
  await knex.raw("create index holds_active on holds (account_id, expire_time) where state = 'ACTIVE'");

  await knex.schema.createTable("transactions", (t) => {
    t.specificType("transaction_id", uuid).primary();
    t.specificType("type", text).notNullable();
    t.specificType("tool_id", text).notNullable();
    t.specificType("generation_id", text).notNullable();
    t.specificType("external_reference", text).notNullable();
    t.specificType("refund_of_transaction_id", uuid);
    t.specificType("reward_policy_id", text).notNullable();
    t.specificType("description", text).notNullable();
    t.specificType("metadata", text).notNullable();
    t.specificType("details_digest", bytes).notNullable();
    t.specificType("caller", text).notNullable();
    t.specificType("request_id", text).notNullable();
    t.bigInteger("refunded_usd_micros").notNullable();
    t.bigInteger("create_time").notNullable();
  });
  await knex.raw(
    "create unique index transactions_external_reference on transactions (external_reference) where external_reference <> ''",
  );
  // One settlement a generation, whatever else goes wrong.
  await knex.raw(
    "create unique index transactions_settlement on transactions (generation_id) where type = 'GENERATION_SETTLEMENT'",
  );

  // Refunds are rare, and an audit looks for those of every transaction.
  await knex.raw(
    "create index transactions_refunds on transactions (refund_of_transaction_id) where refund_of_transaction_id is not null",
  );

  await knex.schema.createTable("entries", (t) => {
    t.specificType("transaction_id", uuid).notNullable();
    t.integer("position").notNullable();
    t.specificType("account_id", text).notNullable();
    t.bigInteger("account_version").notNullable();
    t.bigInteger("amount_usd_micros").notNullable();
    t.bigInteger("balance_after_usd_micros").notNullable();
    t.specificType("grant_movements", text).notNullable();
    t.specificType("hash", bytes).notNullable();
    t.primary(["transaction_id", "position"]);
    t.unique(["account_id", "account_version"]);
  });

  await knex.schema.createTable("generations", (t) => {
    t.specificType("generation_id", uuid).primary();
    for (const name of [
      ...["account_id", "payer_account_id", "fallback_payer_account_id", "charged_account_id"],
      ...["tool_id", "provider", "run_id", "cast_id"],
      ...["pricing_unit", "pricing_rate_usd", "pricing_multiplier"],
      ...["attribution", "reward_policy", "notification", "metadata", "outputs", "conflicts"],
      ...["state", "state_reason", "start_source", "live_status", "error_message"],
    ]) {
      t.specificType(name, text).notNullable();
    }
    t.specificType("outcome", text);
    t.bigInteger("pricing_minimum_charge_usd_micros").notNullable();
    t.bigInteger("base_cost_usd_micros");
    t.bigInteger("fee_usd_micros").notNullable();
    t.bigInteger("payer_available_usd_micros");
    t.integer("step_index").notNullable();
    t.specificType("progress", float8).notNullable();
    t.specificType("transaction_id", uuid);
    t.specificType("finalized_by", uuid);
    t.specificType("hold_id", uuid);
    t.bigInteger("start_time");
    t.bigInteger("end_time");
    t.bigInteger("create_time").notNullable();
    t.bigInteger("update_time").notNullable();
    t.index(["account_id", "generation_id"]);
  });
  await knex.raw("create unique index generations_run on generations (run_id, provider) where run_id <> ''");
  await knex.raw(
    "create index generations_cast on generations (account_id, cast_id, step_index, generation_id) where cast_id <> ''",
  );
  // What sweeps look for, all of it rare: runs that haven't ended, and ended ones that nobody could pay for.
  await knex.raw(
    "create index generations_open on generations (create_time, generation_id) where state in ('PENDING', 'RUNNING')",
  );
  for (const role of ["payer", "fallback_payer"]) {
    await knex.raw(
      `create index generations_unpaid_by_${role} on generations (${role}_account_id, create_time, generation_id) where state_reason = 'INSUFFICIENT_FUNDS'`,
    );
  }

  await knex.schema.createTable("rewards", (t) => {
    t.specificType("transaction_id", uuid).notNullable();
    t.integer("position").notNullable();
    t.specificType("account_id", text).notNullable();
    t.specificType("role", text).notNullable();
    t.specificType("asset_id", text).notNullable();
    t.specificType("generation_id", uuid).notNullable();
    t.specificType("user_account_id", text).notNullable();
    t.bigInteger("amount_usd_micros").notNullable();
    t.bigInteger("refunded_usd_micros").notNullable();
    t.bigInteger("clawed_back_usd_micros").notNullable();
    t.bigInteger("create_time").notNullable();
    t.primary(["transaction_id", "position"]);
    // One of them serves each filter of a creator's list, in its order; without a role, both roles are read and merged.
    t.index(["account_id", "role", "create_time", "transaction_id", "position"], "rewards_by_role");
    t.index(["account_id", "asset_id", "role", "create_time", "transaction_id", "position"], "rewards_by_asset");
  });

  await knex.schema.createTable("clawbacks", (t) => {
    t.specificType("transaction_id", uuid).notNullable();
    t.integer("position").notNullable();
    t.specificType("account_id", text).notNullable();
    t.specificType("role", text).notNullable();
    t.specificType("asset_id", text).notNullable();
    t.bigInteger("amount_usd_micros").notNullable();
    t.bigInteger("create_time").notNullable();
    t.primary(["transaction_id", "position"]);
    t.index(["account_id", "asset_id", "role", "create_time"]);
  });

  await knex.schema.createTable("asset_days", (t) => {
    t.specificType("account_id", text).notNullable();
    t.specificType("asset_id", text).notNullable();
    t.specificType("role", text).notNullable();
    t.bigInteger("day").notNullable();
    t.bigInteger("earned_usd_micros").notNullable();
    t.bigInteger("clawed_back_usd_micros").notNullable();
    t.bigInteger("uses").notNullable();
    t.bigInteger("new_users").notNullable();
    t.bigInteger("last_used_time").notNullable();
    t.primary(["account_id", "asset_id", "role", "day"]);
  });

  await knex.schema.createTable("asset_users", (t) => {
    t.specificType("account_id", text).notNullable();
    t.specificType("asset_id", text).notNullable();
    t.specificType("role", text).notNullable();
    t.specificType("user_account_id", text).notNullable();
    t.bigInteger("first_day").notNullable();
    t.primary(["account_id", "asset_id", "role", "user_account_id"]);
  });

  await knex.schema.createTable("generation_events", (t) => {
    t.specificType("generation_id", uuid).notNullable();
    t.specificType("event_key", text).notNullable();
    t.specificType("type", text).notNullable();
    t.specificType("details", text).notNullable();
    t.bigInteger("create_time").notNullable();
    t.primary(["generation_id", "event_key"]);
  });

  await knex.schema.createTable("tools", (t) => {
    t.specificType("tool_id", text).primary();
    for (const name of ["display_name", "provider", "pricing_unit", "pricing_rate_usd", "pricing_multiplier"]) {
      t.specificType(name, text).notNullable();
    }
    t.bigInteger("pricing_minimum_charge_usd_micros").notNullable();
    t.specificType("funds_policy", text).notNullable();
    t.bigInteger("default_estimate_run_duration_micros");
    t.bigInteger("default_estimate_quantity");
    t.boolean("archived").notNullable();
    t.bigInteger("update_time").notNullable();
  });

  await knex.schema.createTable("reward_policies", (t) => {
    t.specificType("policy_id", text).primary();
    t.specificType("kind", text).notNullable();
    for (const name of ["lora_fee_bps", "spell_fee_bps", "spell_creator_bps", "pool_bps"]) {
      t.integer(name).notNullable();
    }
    t.bigInteger("effective_time").notNullable();
    t.bigInteger("create_time").notNullable();
    t.index(["effective_time", "create_time", "policy_id"], "reward_policies_timeline");
  });
  // In force since the beginning of time, so that at any time there is a policy.
  await knex("reward_policies").insert({
    ...{ policy_id: "adr-012", kind: "ADR_012", effective_time: 0, create_time: 0 },
    ...{ lora_fee_bps: 500, spell_fee_bps: 600, spell_creator_bps: 300, pool_bps: 0 },
  });

  // Rows of these change all the time: with room on their pages, a new version needs no index entries of its own.
  if (dialect.hasFillfactor) {
    for (const table of ["accounts", "credit_grants", "asset_days"]) {
      await knex.raw(`alter table ${table} set (fillfactor = 70)`);
    }
  }

  await knex.schema.createTable("service_secrets", (t) => {
    t.specificType("name", text).primary();
    t.specificType("secret_hex", text).notNullable();
  });
}
