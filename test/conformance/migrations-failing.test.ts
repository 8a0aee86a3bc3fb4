import createKnex, { type Knex } from "knex";
import { expect, it, onTestFinished } from "vitest";
import { type MigratingBackend, migrate } from "../../src/storage/migrate.js";
import type { Migration } from "../../src/storage/migrations/migrations.js";
import { isDuplicateInPostgres } from "../../src/storage/postgres/errors.js";
import { isDuplicateInSqlite } from "../../src/storage/sqlite/errors.js";
import { takeWriteLock } from "../../src/storage/sqlite/write-lock.js";
import { type Backend, describeStores, type TestDatabase } from "../support/stores.js";
import { tamperAs } from "./support.js";

const DIALECT = { text: "text", uuid: "text", bytes: "text", float8: "real", hasFillfactor: false };

const BACKENDS: Readonly<Record<Backend, MigratingBackend>> = {
  sqlite: { dialect: DIALECT, isDuplicate: isDuplicateInSqlite, begin: takeWriteLock },
  postgres: { dialect: DIALECT, isDuplicate: isDuplicateInPostgres },
};

/** A connection to migrate with, as the stores have one. */
function connect(database: TestDatabase): Knex {
  const knex =
    database.backend === "sqlite"
      ? createKnex({
          client: "better-sqlite3",
          connection: database.url.slice("sqlite:".length),
          useNullAsDefault: true,
        })
      : createKnex({ client: "pg", connection: database.url, pool: { min: 0, max: 4 } });
  onTestFinished(() => knex.destroy());
  return knex;
}

async function tablesOf(database: TestDatabase): Promise<string[]> {
  const rows = await tamperAs(database, {
    sqlite: "select name from sqlite_master where type = 'table' order by name",
    postgres: "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  });
  return (rows as { name: string }[]).map((row) => row.name);
}

const making = (version: number, table: string): Migration => ({
  version,
  name: table,
  up: (knex) => knex.schema.createTable(table, (t) => void t.integer("id").primary()),
});

const failing = (version: number): Migration => ({
  version,
  name: "fails",
  async up(knex) {
    await knex.schema.createTable("half", (t) => void t.integer("id"));
    await knex("first").insert({ id: 7 });
    throw new Error("half way");
  },
});

describeStores("a migration", (makeDatabase, backend) => {
  const emptyDatabase = async () => {
    const database = await makeDatabase();
    onTestFinished(() => database.destroy());
    return database;
  };

  it("that throws leaves nothing, neither tables nor rows nor its number, and what came before it stays", async () => {
    const database = await emptyDatabase();
    const migrations = [making(1, "first"), failing(2), making(3, "third")];
    await expect(migrate(connect(database), BACKENDS[backend], migrations)).rejects.toThrow("half way");
    expect(await tablesOf(database)).toEqual(["first", "schema_versions"]);
    expect(await database.tamper("select * from first")).toEqual([]);
    expect(await database.tamper("select version from schema_versions")).toEqual([{ version: 1 }]);
  });

  it("that threw runs again, and the ones after it, once it is mended", async () => {
    const database = await emptyDatabase();
    const knex = connect(database);
    await expect(migrate(knex, BACKENDS[backend], [making(1, "first"), failing(2)])).rejects.toThrow("half way");
    await migrate(knex, BACKENDS[backend], [making(1, "first"), making(2, "second"), making(3, "third")]);
    expect(await tablesOf(database)).toEqual(["first", "schema_versions", "second", "third"]);
  });

  it("runs once, whichever of the instances that start at once is first", async () => {
    const database = await emptyDatabase();
    let runs = 0;
    const counted: Migration = {
      ...making(2, "second"),
      async up(knex, dialect) {
        await making(2, "second").up(knex, dialect);
        await knex("first").insert({ id: 1 });
        runs += 1;
        // Lets the other instances come as far as waiting for this one.
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    };
    const migrations = [making(1, "first"), counted, making(3, "third")];
    await Promise.all([1, 2, 3].map(() => migrate(connect(database), BACKENDS[backend], migrations)));
    expect(runs).toBe(1);
    expect(await database.tamper("select id from first")).toEqual([{ id: 1 }]);
    expect(await tablesOf(database)).toEqual(["first", "schema_versions", "second", "third"]);
  });

  it("that fails on a duplicate of its own comes out, and isn't taken for the work of another instance", async () => {
    const database = await emptyDatabase();
    const twice: Migration = {
      version: 1,
      name: "twice",
      async up(knex) {
        await knex.schema.createTable("first", (t) => void t.integer("id").primary());
        await knex("first").insert([{ id: 1 }, { id: 1 }]);
      },
    };
    await expect(migrate(connect(database), BACKENDS[backend], [twice])).rejects.toThrow();
    expect(await tablesOf(database)).toEqual(["schema_versions"]);
  });
});
