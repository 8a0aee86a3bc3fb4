import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runDemo } from "../../src/demo/run-demo.js";
import { makeDatabase } from "../support/stores.js";

describe("the demo", () => {
  let folder: string;
  let told: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tollgate-test-"));
    vi.stubEnv("TMPDIR", folder);
    told = await tellDemo();
    vi.unstubAllEnvs();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("withholds reported outputs until the success is paid for", () => {
    expect(told).toMatch(/POST webhook +running, 70 %, 1 image → progress +RUNNING +0 of 1 withheld/);
    expect(told).toMatch(/POST webhook +success, 2 images → completed +COMPLETED +2 of 2 released/);
    expect(told).toMatch(/GET webhook +success again, as a retry → duplicate +COMPLETED +2 of 2 released/);
    expect(told).toContain("released, withheld until then: https://cdn.example/run-1/page-2.png");
  });

  it("prints a receipt whose numbers add up", () => {
    const seconds = /Base +([\d.]+) s × 0\.000337 US\$\/s/.exec(told)?.[1] ?? "";
    const runMicros = Math.round(Number(seconds) * 1_000_000);
    expect(runMicros).toBeGreaterThanOrEqual(30_000_000);
    expect(runMicros).toBeLessThan(60_000_000);
    const base = receiptMicros("Base");
    expect(base).toBe(Math.floor((runMicros * 337 + 500_000) / 1_000_000));
    const threePercent = Math.floor((base * 3 + 50) / 100);
    expect(receiptMicros("└ carol")).toBe(threePercent);
    expect(receiptMicros("└ anna") + receiptMicros("└ ben")).toBe(threePercent);
    expect(receiptMicros("Fee")).toBe(2 * threePercent);
    const total = base + 2 * threePercent;
    expect(receiptMicros("Total")).toBe(total);
    expect(told).toMatch(new RegExp(`alice +5\\.000000 +-${usd(total)} +${usd(5_000_000 - total)} `));
  });

  it("names the shortfall of a user without money and releases the outputs after a top-up", () => {
    expect(told).toMatch(/success, 1 image → payment_failed +PAYMENT_FAILED +0 of 1 withheld/);
    expect(told).toMatch(/RetryPayment +refused: 0\.021200 US\$ short +PAYMENT_FAILED +0 of 1 withheld/);
    expect(told).toMatch(/RetryPayment +the same request once more +COMPLETED +1 of 1 released/);
    expect(told).toMatch(/bob +1\.000000 +-0\.021200 +0\.978800/);
  });

  it("ends with a clean audit and leaves no folder behind", async () => {
    expect(told).toMatch(/^ {2}Checked 9 accounts, 12 entries, 4 transactions, 2 generations\.$/m);
    expect(told).toMatch(/^ {2}clean$/m);
    expect(await readdir(folder)).toEqual([]);
  });

  it("fits a terminal, and without colours it has no escape codes", () => {
    const lines = told.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(92);
    expect(lines.length).toBeLessThanOrEqual(80);
    expect(told).not.toContain("\u001b");
  });

  it("can be played twice on a store that is kept", async () => {
    const database = await makeDatabase("postgres");
    try {
      await tellDemo(database.url);
      expect(await tellDemo(database.url)).toMatch(/^ {2}clean$/m);
    } finally {
      await database.destroy();
    }
  });

  it("fails on books that are not right", async () => {
    const database = await makeDatabase("sqlite");
    try {
      await tellDemo(database.url);
      await database.tamper(
        "update accounts set balance_usd_micros = balance_usd_micros + 1 where account_id like 'ben-%'",
      );
      await expect(tellDemo(database.url)).rejects.toThrow("the audit is clean");
    } finally {
      await database.destroy();
    }
  });

  /** Micro-dollars in the receipt's line of this name. */
  function receiptMicros(name: string): number {
    const line = told.split("\n").find((each) => each.startsWith("  │") && each.includes(name)) ?? "";
    return Math.round(Number(/(\d+\.\d{6}) +[\d.]+ │$/.exec(line)?.[1]) * 1_000_000);
  }
});

function usd(micros: number): string {
  return (micros / 1_000_000).toFixed(6);
}

async function tellDemo(databaseUrl?: string): Promise<string> {
  let told = "";
  const write = (text: string): void => {
    told += text;
  };
  await runDemo({ write, hasColours: false, databaseUrl });
  return told;
}
