import type { Knex } from "knex";
import { type Dialect, MIGRATIONS, type Migration } from "./migrations/migrations.js";

const VERSIONS_TABLE = "schema_versions";
/** Another instance may be making the same table in the same moment. */
const TABLE_ATTEMPTS = 5;

/** How migrating differs between the backends. */
export interface MigratingBackend {
  readonly dialect: Dialect;
  /** Tells a unique violation from other errors of the driver. */
  readonly isDuplicate: (error: unknown) => boolean;
  /** Waits for other writers at the start of a transaction, where the claim of the version doesn't. */
  readonly begin?: (transaction: Knex.Transaction) => Promise<void>;
}

/**
 * Brings the schema up to date, each migration in a transaction of its own that begins by claiming its version number. A second instance waits on that row;
 * when the first has committed it finds the version taken and goes on. A crash in the middle leaves nothing and holds nothing, which knex's own lock row doesn't give, and
 * no advisory lock is needed (docs/decisions/0007).
 */
export async function migrate(
  knex: Knex,
  backend: MigratingBackend,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await ensureVersionsTable(knex);
  const done = await versions(knex);
  for (const migration of migrations) {
    if (done.includes(migration.version)) continue;
    try {
      await knex.transaction(async (transaction) => {
        await backend.begin?.(transaction);
        await transaction(VERSIONS_TABLE).insert({ version: migration.version, name: migration.name });
        await migration.up(transaction, backend.dialect);
      });
    } catch (error) {
      if (!backend.isDuplicate(error) || !(await versions(knex)).includes(migration.version)) throw error;
    }
  }
}

/** Whether every migration of this build has run. */
export async function isMigrated(knex: Knex): Promise<boolean> {
  if (!(await knex.schema.hasTable(VERSIONS_TABLE))) return false;
  const done = await versions(knex);
  return MIGRATIONS.every((migration) => done.includes(migration.version));
}

async function versions(knex: Knex): Promise<number[]> {
  const rows = await knex(VERSIONS_TABLE).select("version");
  return rows.map((row) => Number(row.version));
}

/** "create table if not exists" may still lose a race on Postgres, whose catalogue then reports a duplicate. */
async function ensureVersionsTable(knex: Knex): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      if (await knex.schema.hasTable(VERSIONS_TABLE)) return;
      return await knex.schema.createTable(VERSIONS_TABLE, (t) => {
        t.integer("version").primary();
        t.text("name").notNullable();
      });
    } catch (error) {
      if (attempts >= TABLE_ATTEMPTS) throw error;
    }
  }
}
