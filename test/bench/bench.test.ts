import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTollgate } from "../support/processes.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";

const SMALL = ["--only", "debit", "--calls", "300", "--runs", "1"];

describe("tollgate bench", () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await makeDatabase("postgres");
    folder = await mkdtemp(join(tmpdir(), "tollgate-bench-test-"));
  });
  afterAll(async () => {
    await database?.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it("measures on a server that it is given, and has no ratio where pgbench isn't installed", async () => {
    const json = join(folder, "result.json");
    const flags = [...SMALL, "--database-url", database.url, "--json", json];
    const bench = startTollgate(["bench", ...flags], { PATH: folder });
    expect(await bench.exit, bench.said()).toBe(0);
    expect(bench.said()).toMatch(/^debit +postgres +300 .* 0 +0 +TPC-B, .*: not measured +– /m);
    expect(bench.said()).toMatch(/^debit +sqlite +300 /m);

    const { results, failures, options } = JSON.parse(await readFile(json, "utf8"));
    expect(failures).toEqual([]);
    expect(options).toMatchObject({ only: ["debit"], calls: 300 });
    expect(results.map(({ store }: { store: string }) => store).sort()).toEqual(["postgres", "sqlite"]);
    for (const { runs, audit } of results) {
      expect([runs[0].answered, runs[0].dropped, audit.isClean]).toEqual([300, 0, true]);
    }
    const [onPostgres] = results.filter(({ store }: { store: string }) => store === "postgres");
    expect(onPostgres.runs[0].walBytes).toBeGreaterThan(0);
  });

  it("says what a server that it is given doesn't let it see, tells what it could measure, and exits 1", async () => {
    const bench = startTollgate(["bench", ...SMALL, "--database-url", database.url, "--statements"], { PATH: folder });
    expect(await bench.exit).toBe(1);
    expect(bench.said()).toMatch(/^debit on postgres failed: .*pg_stat_statements/m);
    expect(bench.said()).toMatch(/^debit +sqlite +300 /m);
  });

  it("refuses to explain statements of a server that isn't its own", async () => {
    const flags = ["--database-url", database.url, "--explain", join(folder, "plans.txt")];
    const bench = startTollgate(["bench", ...SMALL, ...flags], { PATH: folder });
    expect(await bench.exit).toBe(1);
    expect(bench.said()).toContain("--explain takes a server of the bench's own");
  });
});
