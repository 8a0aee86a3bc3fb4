import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { importLegacyCommand } from "../../src/cli/import-legacy/import-legacy.js";
import { startTollgate, type TollgateProcess } from "../support/processes.js";
import { describeStores, type TestDatabase } from "../support/stores.js";

/** Enough of them to be interrupted: an import writes them in batches of hundreds. */
const ROWS = 5_000;
const RATES = ["--usd-per-point", "0.000337", "--usd-per-qoint", "0.001", "--usd-per-doint", "0.000001"];

describeStores("tollgate import-legacy", (makeDatabase) => {
  let database: TestDatabase;
  let folder: string;
  let refusedFile: string;
  beforeEach(async () => {
    database = await makeDatabase();
    folder = await mkdtemp(join(tmpdir(), "tollgate-import-"));
    refusedFile = join(folder, "refused.jsonl");
  });
  afterEach(async () => {
    await database.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  async function fileOf(name: string, content: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  }

  const argumentsFor = (file: string, ...more: string[]): string[] => {
    const settings = ["--database-url", database.url, "--log-level", "silent"];
    return [file, ...settings, "--source", "mongo", "--refused", refusedFile, ...more];
  };

  const start = (file: string, ...more: string[]): TollgateProcess =>
    startTollgate(["import-legacy", ...argumentsFor(file, ...more)]);

  /** Runs to the end, in this process. @returns what it said */
  async function run(file: string, ...more: string[]): Promise<string> {
    let said = "";
    const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      said += String(chunk);
      return true;
    });
    try {
      await importLegacyCommand().parseAsync(argumentsFor(file, ...more), { from: "user" });
    } finally {
      write.mockRestore();
    }
    return said;
  }

  /** [account, balance] of every account that isn't the platform's. */
  async function balances(): Promise<[string, string][]> {
    const sql =
      "select account_id, balance_usd_micros from accounts where account_id not like 'sys:%' order by account_id";
    const rows = (await database.tamper(sql)) as { account_id: string; balance_usd_micros: number | string }[];
    return rows.map((row) => [row.account_id, String(row.balance_usd_micros)]);
  }

  async function refusals(): Promise<unknown[]> {
    const lines = (await readFile(refusedFile, "utf8")).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  it("reads JSON lines in every shape that an export gives ids and numbers", async () => {
    const file = await fileOf(
      "export.jsonl",
      [
        '{"_id":{"$oid":"65a000000000000000000001"},"masterAccountId":{"$oid":"aaaaaaaaaaaaaaaaaaaaaaa1"},"usdCredit":{"$numberDecimal":"1.25"}}',
        '{"_id":{"$oid":"aaaaaaaaaaaaaaaaaaaaaaa2"},"points":{"$numberInt":"100"},"qoints":{"$numberLong":"2"}}',
        '{"masterAccountId":"aaaaaaaaaaaaaaaaaaaaaaa3","points":12.5,"qoints":0,"doints":3}',
        '{"masterAccountId":"aaaaaaaaaaaaaaaaaaaaaaa4","points":"7","doints":{"$numberDouble":"1.5"},"usdCredit":null}',
        "",
        '{"account_id":"telegram:42","usd":" 0.000001 "}',
      ].join("\r\n"),
    );
    expect(await run(file, ...RATES)).toContain("5 imported, worth 1.292276 US$; 0 skipped; 0 refused\n");
    expect(await balances()).toEqual([
      ["aaaaaaaaaaaaaaaaaaaaaaa1", "1250000"],
      ["aaaaaaaaaaaaaaaaaaaaaaa2", "35700"],
      ["aaaaaaaaaaaaaaaaaaaaaaa3", "4215"],
      ["aaaaaaaaaaaaaaaaaaaaaaa4", "2360"],
      ["telegram:42", "1"],
    ]);
  });

  it("reads CSV with a header, quoted or not, with a byte order mark", async () => {
    const lines = ["\uFEFFmasterAccountId,points,usdCredit", 'u1,100,"1.5"', '"u2", 50 ,', "", "u3,,0.25"];
    expect(await run(await fileOf("export.CSV", lines.join("\n")), ...RATES)).toContain("3 imported");
    expect(await balances()).toEqual([
      ["u1", "1533700"],
      ["u2", "16850"],
      ["u3", "250000"],
    ]);
  });

  it("reports each refused row with its line and its problem, and imports the others", async () => {
    const file = await fileOf(
      "export.jsonl",
      [
        '{"masterAccountId":"u1","usdCredit":"1"}',
        '{"masterAccountId":"u2","usdCredit":"-1"}',
        "{not json",
        '{"points":5}',
        '{"masterAccountId":"u5","points":0.30000000000000004}',
        '{"masterAccountId":"sys:revenue","points":5}',
        '{"masterAccountId":"u7","points":{"$numberDecimal":"1","$oid":"x"}}',
        "[]",
        '{"masterAccountId":"u9","usdCredit":"2"}',
      ].join("\n"),
    );
    expect(await run(file, ...RATES)).toContain(
      `2 imported, worth 3.000000 US$; 0 skipped; 7 refused, see ${refusedFile}`,
    );
    const found = (await refusals()) as { line: number; accountId: string; problem: string }[];
    expect(found.toSorted((a, b) => a.line - b.line)).toEqual([
      { line: 2, accountId: "u2", problem: expect.stringMatching(/^usd: /) },
      { line: 3, accountId: "", problem: "is no JSON" },
      { line: 4, accountId: "", problem: "masterAccountId: is missing" },
      { line: 5, accountId: "", problem: expect.stringMatching(/^points: /) },
      { line: 6, accountId: "sys:revenue", problem: expect.stringMatching(/^account_id: /) },
      { line: 7, accountId: "", problem: expect.stringMatching(/^points: /) },
      { line: 8, accountId: "", problem: "is no object" },
    ]);
    expect((await balances()).map(([accountId]) => accountId)).toEqual(["u1", "u9"]);
  });

  it("names the CSV line of a refused row, past quoted line breaks and empty lines", async () => {
    const lines = ["masterAccountId,points,note", 'u1,1,"two', 'lines"', "", "u2,-1,x"];
    expect(await run(await fileOf("export.csv", lines.join("\n")), ...RATES)).toContain("1 imported");
    expect(await refusals()).toMatchObject([{ line: 5, accountId: "u2" }]);
  });

  it("only says what would be imported in a dry run", async () => {
    const file = await fileOf("export.jsonl", '{"masterAccountId":"u1","usdCredit":"1.5"}\n{"masterAccountId":"u2"}\n');
    expect(await run(file, "--dry-run")).toContain("1 would be imported, worth 1.500000 US$; 1 skipped; 0 refused\n");
    expect(await balances()).toEqual([]);
    expect(await run(file)).toContain("1 imported, worth 1.500000 US$");
  });

  it("imports nothing twice when it is run again after a kill", async () => {
    const rows = Array.from({ length: ROWS }, (_, index) => `{"masterAccountId":"user-${index}","points":"1000"}\n`);
    const file = await fileOf("export.jsonl", rows.join(""));
    const interrupted = start(file, ...RATES);
    await untilImported(1);
    await interrupted.kill();
    const before = (await balances()).length;
    expect(before).toBeGreaterThan(0);
    const again = await run(file, ...RATES);
    expect(again).toContain(`${ROWS - before} imported, `);
    expect(again).toContain(`; ${before} skipped; 0 refused`);
    expect(new Set((await balances()).map(([, balance]) => balance))).toEqual(new Set(["337000"]));
    expect(await balances()).toHaveLength(ROWS);
    expect((await auditLedger(await database.open())).violations).toEqual([]);
  });

  async function untilImported(accounts: number): Promise<void> {
    for (let looks = 0; looks < 600; looks++) {
      const found = await balances().catch(() => []);
      if (found.length >= accounts) return;
      await sleep(50);
    }
    throw new Error("nothing is ever imported");
  }

  it.each([
    ["a rate that is missing", '{"masterAccountId":"u","points":1}', [], /usd_per_point: is required/],
    ["a rate that is none", '{"masterAccountId":"u"}', ["--usd-per-point", "0"], /usd_per_point: takes a decimal/],
  ])("stops at %s and says so", async (_, content, more, problem) => {
    await expect(run(await fileOf("export.jsonl", content), ...more)).rejects.toThrow(problem);
  });

  it("stops at a file that isn't there, and says so", async () => {
    const tollgate = start(join(folder, "none.jsonl"));
    expect(await tollgate.exit).toBe(1);
    expect(tollgate.said()).toMatch(/none\.jsonl/);
    expect(tollgate.said()).not.toMatch(/ {4}at /);
  });
});
