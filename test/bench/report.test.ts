import { describe, expect, it } from "vitest";
import { formatReport } from "../../src/bench/report.js";
import { isValid, type WorkloadResult } from "../../src/bench/result.js";
import { CLEAN, result, run } from "./results.js";

const MACHINE = {
  ...{ cores: 2, cpuModel: "Abacus", memoryBytes: 8 * 1024 ** 3 },
  ...{ node: "v20.20.2", postgres: "18.4", pgbench: "15.18", commit: "0123456789abcdef" },
};
function report(more: Partial<WorkloadResult>): string {
  return formatReport({ results: [result(more)], machine: MACHINE, failures: [] });
}

describe("the bench's report", () => {
  it("tells the median ratio with its spread, and which bound it reaches", () => {
    expect(report({})).toMatch(/2\.50 \(2\.00–3\.50\) +≥ 2 +≥ 3 +floor$/m);
    expect(report({ references: [500, 500, 500] })).toMatch(/5\.00 \(4\.00–7\.00\) +≥ 2 +≥ 3 +target$/m);
    expect(report({ references: [5_000, 5_000, 5_000] })).toMatch(/ +NO$/m);
  });

  it("says so and has no ratio where there was nothing to compare with", () => {
    expect(report({ references: [] })).toMatch(/TPC-B: not measured +– +≥ 2 +≥ 3 +–$/m);
  });

  it("counts calls that failed apart from those without an answer, and says that such a workload doesn't count", () => {
    const failed = { runs: [run(2_000), run(2_000, { errors: { OVERLOADED: 3 }, dropped: 4, maxMs: 55 }), run(2_000)] };
    expect(isValid(result(failed))).toBe(false);
    expect(report(failed)).toMatch(/^debit .* 55\.0 +3 +4 /m);
    expect(report(failed)).toContain("debit on postgres doesn't count:\nrun 2: 3 × OVERLOADED, 4 without an answer");
  });

  it("doesn't let a workload count whose books are wrong", () => {
    const wrong = { audit: { ...CLEAN, isClean: false, report: "1 violation" } };
    expect(isValid(result(wrong))).toBe(false);
    expect(report(wrong)).toContain("debit on postgres doesn't count:\nthe audit failed:\n1 violation");
  });

  it("names the workloads that aren't audited, and what was measured on", () => {
    expect(report({})).not.toContain("not audited");
    expect(report({ name: "earnings-by-day", audit: undefined })).toContain("past the service: earnings-by-day");
    expect(report({})).toContain(
      "2 × Abacus, 8.0 GiB\nNode v20.20.2, Postgres 18.4, pgbench 15.18, commit 0123456789ab",
    );
  });
});
