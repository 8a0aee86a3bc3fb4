import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { costSections } from "../../src/bench/costs/cost-report.js";
import { cpuMicrosOf } from "../../src/bench/costs/cpu-time.js";
import type { RunReport } from "../../src/bench/figures.js";
import type { WorkloadResult } from "../../src/bench/result.js";
import { result, run } from "./results.js";

function debits(...costs: Partial<RunReport>[]): WorkloadResult {
  return result({ runs: costs.map((each) => run(1, each)) });
}

describe("what a call costs", () => {
  it("is told in the middle of the runs, and left out where it can't be seen", () => {
    const runs = [10, 30, 20].map((nodeCpuMicros) => ({ nodeCpuMicros, walBytes: 1_750 }));
    expect(costSections([debits(...runs)])[0]).toMatch(
      /debit +postgres +20\.0 \(10\.0–30\.0\) +– +1,750 \(1,750–1,750\)$/,
    );
    expect(costSections([debits({})])).toEqual([]);
  });

  it("is told by statement, with how many calls shared an execution", () => {
    const statement = {
      text: "select 1",
      executions: 0.02,
      micros: 8,
      rows: 2,
      walBytes: 400,
      walRecords: 3,
      pages: 5,
    };
    const [, section] = costSections([debits({ walBytes: 1, statements: [statement] })]);
    expect(section).toMatch(/^debit on postgres, a call:\ncalls at once +µs each/);
    expect(section).toMatch(/^50\.0 +400 +8\.00 +2\.00 +400 +3\.00 +5\.00 +select 1$/m);
  });

  it("counts the CPU of a process and of those it has started, on Linux", async () => {
    const burn = "const until = Date.now() + 300; while (Date.now() < until);";
    const script = `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(`${burn} console.log("burnt"); setInterval(() => {}, 1000)`)}], { stdio: "inherit" }); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"], detached: true });
    await once(child.stdout, "data");
    const [ours, theirs] = await Promise.all([cpuMicrosOf(process.pid), cpuMicrosOf(child.pid ?? 0)]);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    if (process.platform !== "linux") return expect([ours, theirs]).toEqual([undefined, undefined]);
    expect(theirs).toBeGreaterThanOrEqual(50_000);
    expect(ours).toBeGreaterThan(theirs ?? 0);
  });

  it("has no CPU of a process that isn't there", async () => {
    expect(await cpuMicrosOf(2 ** 30)).toBeUndefined();
  });
});
