import createKnex, { type Knex } from "knex";
import { afterAll, beforeAll, expect, it } from "vitest";
import { KnexGenerationLookups } from "../../src/storage/knex/generation-lookups.js";
import { KnexReads } from "../../src/storage/knex/reads.js";
import { KnexRewardReads } from "../../src/storage/knex/reward-reads.js";
import { describeStores, type TestDatabase } from "../support/stores.js";
import { entryRow, eventRow, fullGenerationRow, generationRow, NOON, rewardRow, transactionRow } from "./rows.js";
import { ALWAYS, ids, openedPair, save } from "./support.js";

/*
 * "A page costs the same however deep it is", without a clock: the database explains the statements that a read sends. Postgres tells how many rows and blocks each step
 * has really read. Exception of SQLite: it tells no more than how it looks for them, which must be by an index at every step, and in the order of the page.
 */

const ROWS = 2_000;
const PAGE_SIZE = 10;
/** Where the deep page begins. */
const DEEP = 1_800;

interface Statement {
  readonly sql: string;
  readonly bindings: readonly Knex.RawBinding[];
}

type Read = (reads: KnexReads, rewards: KnexRewardReads, lookups: KnexGenerationLookups) => Promise<unknown>;

function connect(database: TestDatabase): Knex {
  return database.backend === "sqlite"
    ? createKnex({
        client: "better-sqlite3",
        connection: { filename: database.url.slice("sqlite:".length), options: { safeIntegers: true } as never },
        useNullAsDefault: true,
      })
    : createKnex({ client: "pg", connection: database.url, pool: { min: 0, max: 1 } });
}

async function statementsOf(knex: Knex, read: Read): Promise<Statement[]> {
  const statements: Statement[] = [];
  const listen = (query: Statement) => void statements.push({ sql: query.sql, bindings: query.bindings });
  knex.on("query", listen);
  const backend = knex.client.config.client === "pg" ? "postgres" : "sqlite";
  const guard = async <T>(query: PromiseLike<T>): Promise<T> => query;
  const rewards = new KnexRewardReads(knex, guard, backend);
  await read(new KnexReads(knex, guard), rewards, new KnexGenerationLookups(knex, guard));
  knex.removeListener("query", listen);
  return statements;
}

interface PlanNode {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows that a plan of Postgres read from tables, whether it kept them or not. */
function rowsReadBy(node: PlanNode): number {
  const removed = (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  const own = node["Relation Name"] ? (node["Actual Rows"] + removed) * node["Actual Loops"] : 0;
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsReadBy(child), own);
}

interface Cost {
  readonly rows: number;
  /** Pages of tables and indexes: an index that is walked instead of searched shows here, and nowhere else. */
  readonly blocks: number;
}

async function costOf(knex: Knex, read: Read): Promise<Cost> {
  let [rows, blocks] = [0, 0];
  for (const { sql, bindings } of await statementsOf(knex, read)) {
    const explained = await knex.raw(`explain (analyze, buffers, format json) ${sql.replace(/\$\d+/g, "?")}`, bindings);
    const plan: PlanNode = explained.rows[0]["QUERY PLAN"][0].Plan;
    rows += rowsReadBy(plan);
    blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
  }
  return { rows, blocks };
}

/** The steps of SQLite's plans. */
async function stepsOf(knex: Knex, read: Read): Promise<string[]> {
  const steps: string[] = [];
  for (const { sql, bindings } of await statementsOf(knex, read)) {
    const explained: { detail: string }[] = await knex.raw(`explain query plan ${sql}`, bindings);
    steps.push(...explained.map((step) => step.detail));
  }
  return steps;
}

describeStores("a page", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);
  let knex: Knex;

  const transactions = ids(ROWS).map((transactionId) => transactionRow({ transactionId }));
  const generations = ids(ROWS).map((generationId) => generationRow({ generationId, accountId: "ann" }));
  const steps = ids(ROWS).map((generationId, stepIndex) =>
    generationRow({ generationId, accountId: "ben", castId: "cast", stepIndex }),
  );
  const rewards = ids(ROWS).map((transactionId, index) =>
    rewardRow("ann", {
      transactionId,
      createTime: NOON + BigInt(index),
      // Assets that the pages below ask for are a tenth of them, all over the list.
      assetId: index % 10 === 0 ? "rare" : `lora-${index}`,
      role: index % 10 === 0 ? "SPELL_CREATOR" : "LORA_OWNER",
    }),
  );

  beforeAll(async () => {
    const entries = transactions.map(({ transactionId }, index) =>
      entryRow("ann", BigInt(index + 1), { transactionId }),
    );
    await save(pair.store, { transactions, entries, openedGenerations: [...generations, ...steps], rewards });
    knex = connect(pair.database);
    await knex.raw("analyze");
  });
  afterAll(() => knex.destroy());

  const all = { accountId: "ann", toolId: "", generationId: "", externalReference: "", castId: "", spellId: "" };
  const lists: readonly (readonly [string, (position: number | undefined) => Read])[] = [
    [
      "transactions",
      (position) => (reads) => {
        const cursor = position === undefined ? undefined : { ann: BigInt(ROWS - position + 1) };
        return reads.listTransactions(["ann"], { ...all, ...ALWAYS, types: [] }, cursor, PAGE_SIZE);
      },
    ],
    [
      "generations",
      (position) => (reads) => {
        const cursor = position === undefined ? undefined : generations[ROWS - position]?.generationId;
        return reads.listGenerations({ ...all, ...ALWAYS, states: [] }, cursor, PAGE_SIZE);
      },
    ],
    [
      "steps of a cast",
      (position) => (_, __, lookups) => {
        const cursor = position === undefined ? undefined : steps[position];
        const filter = { ...all, ...ALWAYS, accountId: "ben", castId: "cast", states: [] };
        return lookups.listCast(filter, cursor, PAGE_SIZE);
      },
    ],
    [
      "rewards",
      (position) => (_, rewardReads) => {
        const cursor = position === undefined ? undefined : rewards[ROWS - position];
        return rewardReads.listRewards({ ...all, ...ALWAYS, assetId: "", role: undefined }, cursor, PAGE_SIZE);
      },
    ],
    [
      "rewards in a role",
      (position) => (_, rewardReads) => {
        const cursor = position === undefined ? undefined : rewards[ROWS - position];
        return rewardReads.listRewards({ ...all, ...ALWAYS, assetId: "", role: "SPELL_CREATOR" }, cursor, PAGE_SIZE);
      },
    ],
    [
      "rewards for an asset",
      (position) => (_, rewardReads) => {
        const cursor = position === undefined ? undefined : rewards[ROWS - position];
        return rewardReads.listRewards({ ...all, ...ALWAYS, assetId: "rare", role: undefined }, cursor, PAGE_SIZE);
      },
    ],
    [
      "rewards until a time",
      (position) => (_, rewardReads) => {
        const endTime = NOON + BigInt(ROWS - (position ?? 0));
        const filter = { ...all, assetId: "", role: undefined, startTime: 0n, endTime };
        return rewardReads.listRewards(filter, undefined, PAGE_SIZE);
      },
    ],
    [
      "assets",
      (position) => (_, rewardReads) => {
        const cursor = position === undefined ? undefined : { assetId: "lora-5", role: "LORA_OWNER" as const };
        return rewardReads.listAssetUsage("ann", cursor, PAGE_SIZE);
      },
    ],
  ];

  it.each(lists)("of %s costs the same however deep it is", async (_, readAt) => {
    if (backend === "sqlite") {
      const steps = [...(await stepsOf(knex, readAt(undefined))), ...(await stepsOf(knex, readAt(DEEP)))];
      expect(steps.length).toBeGreaterThan(0);
      // Besides looking for rows, SQLite only puts the two pages of one list together.
      for (const step of steps)
        expect(step).toMatch(
          /^(SEARCH|CO-ROUTINE|COMPOUND|LEFT-MOST|UNION ALL|SCAN (merged|in_)|USE TEMP B-TREE FOR ORDER BY|MERGE|LEFT|RIGHT)/,
        );
      return;
    }
    const first = await costOf(knex, readAt(undefined));
    expect(first.rows).toBeGreaterThanOrEqual(PAGE_SIZE);
    expect(first.rows).toBeLessThanOrEqual(5 * (PAGE_SIZE + 1));
    const deep = await costOf(knex, readAt(DEEP));
    expect(deep.rows).toBe(first.rows);
    // A page may begin anywhere in a block.
    expect(deep.blocks).toBeLessThanOrEqual(first.blocks + 4);
  });
});

describeStores("a look-up", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);
  let knex: Knex;
  const generations = Array.from({ length: ROWS }, () => fullGenerationRow());
  const events = generations.map(({ generationId }) => eventRow(generationId, "final"));

  const unpaid = { state: "PAYMENT_FAILED", stateReason: "INSUFFICIENT_FUNDS", baseCostUsdMicros: 1n } as const;
  const waiting = [generationRow(), generationRow({ ...unpaid, payerAccountId: "p", fallbackPayerAccountId: "f" })];

  beforeAll(async () => {
    await save(pair.store, { openedGenerations: [...generations, ...waiting], events });
    knex = connect(pair.database);
    await knex.raw("analyze");
  });
  afterAll(() => knex.destroy());

  const lookUps: readonly (readonly [string, Read])[] = [
    [
      "a generation by id",
      (reads) => reads.findGenerations({ generationId: generations[7]?.generationId ?? "", runId: "" }),
    ],
    [
      "generations by run id",
      (reads) => reads.findGenerations({ generationId: "", runId: generations[7]?.runId ?? "" }),
    ],
    ["events of a generation", (reads) => reads.generationEvents(generations[7]?.generationId ?? "")],
    ["generations that are still open", (_, __, lookups) => lookups.openGenerations(NOON, 10)],
    ["what a payer couldn't pay", (_, __, lookups) => lookups.unpaidGenerations("p", "PAYER", 0n, 10)],
    ["what a fallback couldn't pay", (_, __, lookups) => lookups.unpaidGenerations("f", "FALLBACK", 0n, 10)],
  ];

  it.each(lookUps)("of %s reads no more than it finds", async (_, read) => {
    if (backend === "postgres") return expect((await costOf(knex, read)).rows).toBe(1);
    const steps = await stepsOf(knex, read);
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(step).not.toMatch(/^SCAN /);
  });
});
