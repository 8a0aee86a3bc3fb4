import createKnex, { type Knex } from "knex";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QUIET } from "../../src/storage/knex/quiet.js";
import { PipelinedTransaction } from "../../src/storage/postgres/pipelined-transaction.js";
import { BreakableLink } from "../support/breakable-link.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";

const ONE_ROW = ["one_row", "select 1 as one", []] as const;

describe("a transaction on Postgres", () => {
  let database: TestDatabase;
  let link: BreakableLink;
  let knex: Knex;
  beforeAll(async () => {
    database = await makeDatabase("postgres");
    link = await BreakableLink.to(database.url);
    const connection = { connectionString: link.url, pipeline: true } as Knex.PgConnectionConfig;
    knex = createKnex({ client: "pg", log: QUIET, connection, pool: { min: 0, max: 1 } });
  });
  afterAll(async () => {
    await knex?.destroy();
    await link?.break();
    await database?.destroy();
  });

  it("is given up as UNAVAILABLE when the server has gone silent, and the next one gets another connection", async () => {
    const silenced = PipelinedTransaction.run(
      knex,
      async (transaction) => {
        await transaction.query(...ONE_ROW);
        link.fallSilent();
        await transaction.query(...ONE_ROW);
      },
      200,
    );
    await expect(silenced).rejects.toMatchObject({ name: "StoreError", kind: "UNAVAILABLE" });
    const rows = await PipelinedTransaction.run(knex, (transaction) => transaction.query(...ONE_ROW));
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("takes no statement after its end, which would be carried out outside of any transaction", async () => {
    for (const begins of [true, false]) {
      let ended: PipelinedTransaction | undefined;
      await PipelinedTransaction.run(knex, async (transaction) => {
        ended = transaction;
        if (begins) await transaction.query(...ONE_ROW);
      });
      await expect(ended?.query(...ONE_ROW)).rejects.toThrow("after the end of its transaction");
    }
  });

  it("isn't given up for lasting long, as long as answers come", async () => {
    const work = async (transaction: PipelinedTransaction): Promise<number> => {
      let answers = 0;
      for (const _ of [1, 2, 3, 4]) {
        await transaction.query("sleep", "select pg_sleep(0.15)", []);
        answers++;
      }
      return answers;
    };
    expect(await PipelinedTransaction.run(knex, work, 400)).toBe(4);
  });
});
