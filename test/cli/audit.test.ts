import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeHistory } from "../audit/history.js";
import { startTollgate } from "../support/processes.js";
import { describeStores, type TestDatabase } from "../support/stores.js";

describeStores("tollgate audit", (makeDatabase) => {
  let database: TestDatabase;
  let folder: string;
  let heads: string;
  beforeEach(async () => {
    database = await makeDatabase();
    await writeHistory(await database.open());
    folder = await mkdtemp(join(tmpdir(), "tollgate-audit-"));
    heads = join(folder, "heads.jsonl");
  });
  afterEach(async () => {
    await database.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  async function audit(...flags: string[]): Promise<{ code: number | null; said: string }> {
    const tollgate = startTollgate(["audit", "--database-url", database.url, ...flags]);
    return { code: await tollgate.exit, said: tollgate.said() };
  }

  const editBob = () =>
    database.tamper("update entries set balance_after_usd_micros = 7 where account_id = 'bob' and account_version = 2");

  it("exits 0 on clean books and prints the trial balance, 1 with the first row of what is wrong", async () => {
    const clean = await audit();
    expect(clean.code, clean.said).toBe(0);
    expect(clean.said).toMatch(/sys:clawback_loss +-0\.015000/);
    await editBob();
    const edited = await audit();
    expect(edited.code).toBe(1);
    expect(edited.said).toMatch(/balance-after-chains.*account bob entry 2/);
  });

  it("names what is wrong with an account and with a transaction in one report, and the row that can't be read", async () => {
    await editBob();
    await database.tamper("update transactions set description = 'gift' where description <> ''");
    const edited = await audit();
    expect(edited.code).toBe(1);
    expect(edited.said).toMatch(/balance-after-chains.*account bob entry 2(.|\n)*details-digest/);
    await database.tamper("update entries set grant_movements = 'x' where account_id = 'bob'");
    const damaged = await audit();
    expect(damaged.code).toBe(1);
    expect(damaged.said).toMatch(/^tollgate: entries: the row with transaction_id .*, position \d is unreadable$/m);
  });

  it("checks one account with --account, and no other", async () => {
    await editBob();
    expect((await audit("--account", "alice")).code).toBe(0);
    expect(await audit("--account", "bob")).toMatchObject({
      code: 1,
      said: expect.stringContaining("account bob entry 2"),
    });
    expect(await audit("--account", "nobody")).toMatchObject({ code: 1, said: expect.stringContaining("nobody") });
  });

  it("writes the heads with --anchor and compares with them with --against", async () => {
    expect((await audit("--anchor", heads)).code).toBe(0);
    const lines = (await readFile(heads, "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      ...{ account_id: "alice", version: 4, chain_head: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect((await audit("--against", heads)).code).toBe(0);
    expect((await audit("--against", heads, "--account", "alice")).code).toBe(0);
    await database.tamper(
      "update entries set hash = (select hash from entries where account_id = 'bob' and account_version = 1) where account_id = 'alice' and account_version = 4",
    );
    const rewritten = await audit("--against", heads);
    expect(rewritten.code).toBe(1);
    expect(rewritten.said).toMatch(/account alice/);
  });
});
