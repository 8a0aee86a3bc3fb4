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
    expect(told).toMatch(/POST webhook +running, 70 %, image → progress +RUNNING +0 of 1 withheld/);
    expect(told).toMatch(/POST webhook +success, 2 images → completed +COMPLETED +2 of 2 released/);
    expect(told).toMatch(/GET webhook +success, retried → duplicate +COMPLETED +2 of 2 released/);
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
    expect(told).toMatch(/success, image → payment_failed +PAYMENT_FAILED +0 of 1 withheld/);
    expect(told).toMatch(/RetryPayment +refused: 0\.021200 US\$ short +PAYMENT_FAILED +0 of 1 withheld/);
    expect(told).toMatch(/RetryPayment +the same request once more +COMPLETED +1 of 1 released/);
    expect(told).toMatch(/bob +1\.000000 +-0\.021200 +0\.978800/);
  });

  it("prints a receipt for each step of a spell, and their sum", () => {
    const receipt = told.slice(told.indexOf("─ Receipt of a cast ─"), told.indexOf("4. A creator's month"));
    const rows = [...receipt.matchAll(/│ +(Base|Fee|└ \w+|Total),? .* (\d\.\d{6}) /g)];
    expect(rows.map(([, name, usd]) => `${name} ${usd}`)).toEqual([
      ...["Base 0.012500", "Fee 0.000750", "└ carol 0.000375", "└ anna 0.000375", "Total 0.013250"],
      // 3 % of 33,300 are 999: two LoRAs share them as 500 and 499.
      ...["Base 0.033300", "Fee 0.001998", "└ carol 0.000999", "└ carol 0.000500", "└ ben 0.000499", "Total 0.035298"],
      ...["Base 0.008100", "Fee 0.000486", "└ carol 0.000486", "Total 0.008586"],
      "Total 0.057134",
    ]);
    expect(receipt).toContain("Total  of cast-1: base 0.053900, fee 0.003234  0.057134");
  });

  it("takes a refunded step's shares back from its creators", () => {
    expect(told).toMatch(/dana +0\.942866 +\+0\.035298 +0\.978164 /);
    expect(told).toMatch(/carol +0\.\d{6} +-0\.001499 .*\n +ben +0\.\d{6} +-0\.000499 /);
  });

  it("shows a creator's month: what each asset earned on each day, and what was taken back", () => {
    // Today's run by the second, the poster, and the three steps.
    const today = receiptMicros("└ carol") + 1_200 + 375 + 999 + 486;
    expect(earningsIn(told)).toEqual([
      "storybook 2 750 0 750",
      "storybook 1 999 0 999",
      "washi 1 500 0 500",
      "storybook 3 1125 0 1125",
      "storybook 2 1998 0 1998",
      "washi 2 1000 0 1000",
      "storybook 4 1500 0 1500",
      `storybook 5 ${today} -999 ${today - 999}`,
      "washi 1 500 -500 0",
    ]);
    const gross = 7_872 + today + 500;
    expect(told).toMatch(new RegExp(`^ {2}sum +21 +${usd(gross)} +-0\\.001499 +${usd(gross - 1_499)}$`, "m"));
    expect(told).toMatch(new RegExp(`^ +${usd(today + 500)} │ +░$`, "m"));
  });

  it("ends with a clean audit and leaves no folder behind", async () => {
    expect(told).toMatch(/^ {2}Checked \d+ accounts, \d+ entries, 26 transactions, 17 generations\.$/m);
    expect(told).toMatch(/^ {2}clean$/m);
    expect(await readdir(folder)).toEqual([]);
  });

  it("fits a terminal, and without colours it has no escape codes", () => {
    const lines = told.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThanOrEqual(150);
    expect(told).not.toContain("\u001b");
  });

  it("can be played twice on a store that is kept", async () => {
    const database = await makeDatabase("postgres");
    try {
      await tellDemo(database.url);
      const again = await tellDemo(database.url);
      expect(again).toMatch(/^ {2}clean$/m);
      expect(earningsIn(again)).toHaveLength(2);
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

/** The rows of the creator's month: asset, uses, and gross, taken back and net in micro-dollars. */
function earningsIn(text: string): string[] {
  const rows = text.matchAll(/(\w+) +(?:spell creator|LoRA owner) +(\d+) +(\S+) +(\S+) +(\S+)$/gm);
  return [...rows].map(([, asset, uses, ...amounts]) =>
    [asset, uses, ...amounts.map((amount) => Number(amount.replace(".", "")))].join(" "),
  );
}

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
