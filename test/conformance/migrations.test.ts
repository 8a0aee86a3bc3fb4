import { expect, it, onTestFinished } from "vitest";
import type { ColumnType } from "../../src/storage/columns.js";
import { MIGRATIONS } from "../../src/storage/migrations/migrations.js";
import { openStore } from "../../src/storage/open.js";
import { ALL_TABLES } from "../../src/storage/tables.js";
import { type Backend, describeStores, type TestDatabase } from "../support/stores.js";
import { accountRow } from "./rows.js";
import { save, tamperAs } from "./support.js";

/** Names and types of a table's columns, as the database has them. */
async function columnsOf(database: TestDatabase, table: string): Promise<Record<string, string>> {
  const rows = await tamperAs(database, {
    sqlite: `select name, lower(type) as type from pragma_table_info('${table}')`,
    postgres: `select column_name as name, data_type as type from information_schema.columns where table_name = '${table}'`,
  });
  return Object.fromEntries((rows as { name: string; type: string }[]).map(({ name, type }) => [name, type]));
}

/** The whole schema, as text that shows any change. */
async function schemaOf(database: TestDatabase): Promise<string> {
  const rows = await tamperAs(database, {
    sqlite: "select name, sql from sqlite_master order by name",
    postgres: `select table_name || '.' || column_name as name, data_type as sql from information_schema.columns
      where table_schema = 'public' union all select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2`,
  });
  return JSON.stringify(rows);
}

const TYPES: Readonly<Record<Backend, Readonly<Record<ColumnType, string>>>> = {
  sqlite: {
    text: "text",
    "text?": "text",
    uuid: "text",
    int8: "bigint",
    "int8?": "bigint",
    expiry: "bigint",
    int4: "integer",
    float8: "real",
    bool: "boolean",
    bytes: "blob",
    json: "text",
    movements: "text",
  },
  postgres: {
    text: "text",
    "text?": "text",
    uuid: "uuid",
    int8: "bigint",
    "int8?": "bigint",
    expiry: "bigint",
    int4: "integer",
    float8: "double precision",
    bool: "boolean",
    bytes: "bytea",
    json: "text",
    movements: "text",
  },
};

async function emptyDatabase(makeDatabase: () => Promise<TestDatabase>): Promise<TestDatabase> {
  const database = await makeDatabase();
  onTestFinished(() => database.destroy());
  return database;
}

/** A store that the case migrates itself. */
function unmigratedStore(database: TestDatabase) {
  const store = openStore(database.url);
  onTestFinished(() => store.close());
  return store;
}

describeStores("migrate", (makeDatabase, backend) => {
  it.each([2, 3])(
    "lets %i instances migrate an empty database at once: all of them find it migrated",
    async (instances) => {
      const database = await emptyDatabase(makeDatabase);
      const stores = Array.from({ length: instances }, () => unmigratedStore(database));
      await Promise.all(stores.map((store) => store.migrate()));
      for (const store of stores) {
        expect(await store.isMigrated()).toBe(true);
        await store.migrate();
        expect(await store.accounts(["ann"])).toEqual([]);
      }
      expect(await database.tamper("select version, name from schema_versions")).toEqual(
        MIGRATIONS.map(({ version, name }) => ({ version, name })),
      );
    },
  );

  it("changes nothing the second time, neither tables nor rows", async () => {
    const database = await emptyDatabase(makeDatabase);
    const store = unmigratedStore(database);
    await store.migrate();
    const account = accountRow("ann");
    await save(store, { openedAccounts: [account] });
    const before = await schemaOf(database);
    await store.migrate();
    await unmigratedStore(database).migrate();
    expect(await schemaOf(database)).toBe(before);
    expect(await store.accounts(["ann"])).toEqual([account]);
  });

  it("is what isMigrated waits for", async () => {
    const database = await emptyDatabase(makeDatabase);
    const store = unmigratedStore(database);
    expect(await store.isMigrated()).toBe(false);
    await store.migrate();
    expect(await store.isMigrated()).toBe(true);
    await database.tamper("delete from schema_versions");
    expect(await store.isMigrated()).toBe(false);
  });

  it("makes every table with exactly the columns that the code names, in the types that it names", async () => {
    const database = await emptyDatabase(makeDatabase);
    await unmigratedStore(database).migrate();
    expect(ALL_TABLES.map((table) => table.name).sort()).toEqual([
      "accounts",
      "asset_days",
      "asset_users",
      "clawbacks",
      "credit_grants",
      "entries",
      "generation_events",
      "generations",
      "holds",
      "requests",
      "reward_policies",
      "rewards",
      "tools",
      "transactions",
    ]);
    for (const table of ALL_TABLES) {
      const expected = Object.fromEntries(table.columns.map((column) => [column.name, TYPES[backend][column.type]]));
      expect(await columnsOf(database, table.name), table.name).toEqual(expected);
    }
  });

  it("compares the text of every table byte by byte, whatever the locale of the database", async () => {
    const database = await emptyDatabase(makeDatabase);
    await unmigratedStore(database).migrate();
    const tables = ALL_TABLES.map((table) => `'${table.name}'`).join(", ");
    const compareOtherwise = await tamperAs(database, {
      sqlite: `select name from sqlite_master where name in (${tables}) and sql like '%collate%'`,
      postgres: `select table_name, column_name from information_schema.columns
        where table_name in (${tables}) and data_type = 'text' and collation_name is distinct from 'C'`,
    });
    expect(compareOtherwise).toEqual([]);
  });
});
