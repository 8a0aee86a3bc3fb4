import { describe, expect, it } from "vitest";
import { type CastStep, summedUp } from "../../../src/domain/generation/cast.js";
import type { GenerationState } from "../../../src/domain/generation/generation.js";

function stepOf(stepIndex: number, state: GenerationState, step: Partial<CastStep> = {}): CastStep {
  const generationId = `generation-${stepIndex}`;
  return { generationId, stepIndex, state, baseCostUsdMicros: null, feeUsdMicros: 0n, ...step };
}

const castOf = (...states: GenerationState[]) => summedUp(states.map((state, index) => stepOf(index, state)));

describe("a cast", () => {
  it.each<[GenerationState, GenerationState[]]>([
    ["PENDING", ["PENDING"]],
    ["PENDING", ["PENDING", "PENDING"]],
    ["RUNNING", ["RUNNING", "PENDING"]],
    ["RUNNING", ["COMPLETED", "PENDING"]],
    ["RUNNING", ["COMPLETED", "RUNNING"]],
    ["COMPLETED", ["COMPLETED", "COMPLETED"]],
    ["PAYMENT_FAILED", ["COMPLETED", "PAYMENT_FAILED", "RUNNING"]],
    ["CANCELLED", ["COMPLETED", "CANCELLED", "PAYMENT_FAILED"]],
    ["FAILED", ["COMPLETED", "CANCELLED", "PAYMENT_FAILED", "FAILED", "RUNNING"]],
  ])("is %s where its steps are %j", (state, states) => {
    expect(castOf(...states).state).toBe(state);
  });

  it("goes by the last generation of a step that was made again", () => {
    const again = [stepOf(0, "COMPLETED"), stepOf(1, "FAILED"), stepOf(1, "COMPLETED"), stepOf(2, "COMPLETED")];
    expect(summedUp(again).state).toBe("COMPLETED");
    expect(summedUp(again.slice(0, 2)).state).toBe("FAILED");
  });

  it("costs what its paid generations cost, each with its own fee", () => {
    const paid = { baseCostUsdMicros: 1_000n, feeUsdMicros: 60n };
    const cast = summedUp([
      stepOf(0, "COMPLETED", paid),
      stepOf(1, "PAYMENT_FAILED", { baseCostUsdMicros: 7_777n }),
      stepOf(1, "COMPLETED", { baseCostUsdMicros: 10n, feeUsdMicros: 1n }),
      stepOf(2, "COMPLETED", { baseCostUsdMicros: 0n }),
    ]);
    expect(cast).toMatchObject({ baseCostUsdMicros: 1_010n, feeUsdMicros: 61n });
  });

  it("counts its generations by state", () => {
    const { counts } = castOf("COMPLETED", "FAILED", "COMPLETED");
    expect([...counts]).toEqual([
      ["COMPLETED", 2],
      ["FAILED", 1],
    ]);
  });
});
