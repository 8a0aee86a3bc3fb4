import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type GenerationState,
  isFinal,
  mergeOutputs,
  releasedOutputs,
} from "../../../src/domain/generation/generation.js";
import { sampleGeneration, sampleOutput } from "../samples.js";

const FINAL_BY_STATE: [GenerationState, boolean][] = [
  ["PENDING", false],
  ["RUNNING", false],
  ["COMPLETED", true],
  ["PAYMENT_FAILED", true],
  ["FAILED", true],
  ["CANCELLED", true],
];

it.each(FINAL_BY_STATE)("whether %s is final: %s", (state, final) => {
  expect(isFinal(state)).toBe(final);
});

describe("releasedOutputs", () => {
  const outputs = [sampleOutput()];

  it("hands out the outputs of a COMPLETED generation", () => {
    expect(releasedOutputs(sampleGeneration({ state: "COMPLETED", outputs }))).toEqual(outputs);
  });

  it.each(FINAL_BY_STATE.map(([state]) => state).filter((state) => state !== "COMPLETED"))(
    "hands out nothing while a generation is %s",
    (state) => {
      expect(releasedOutputs(sampleGeneration({ state, outputs }))).toEqual([]);
    },
  );
});

describe("mergeOutputs", () => {
  const first = sampleOutput({ url: "https://cdn.example/1.png" });
  const second = sampleOutput({ url: "https://cdn.example/2.png" });
  const text = sampleOutput({ url: "", type: "TEXT", text: "a red fox" });

  it("adds new outputs behind those kept, in the order reported", () => {
    expect(mergeOutputs([first], [second, text])).toEqual([first, second, text]);
  });

  it("keeps what is there when nothing is reported", () => {
    expect(mergeOutputs([first], [])).toEqual([first]);
  });

  it("replaces an output of a known URL in its place", () => {
    const renamed = { ...first, filename: "final.png" };
    expect(mergeOutputs([first, second], [renamed])).toEqual([renamed, second]);
  });

  it("takes a URL that is reported twice at once as one output, the last report of it", () => {
    const renamed = { ...first, filename: "final.png" };
    expect(mergeOutputs([], [first, renamed])).toEqual([renamed]);
  });

  it("tells texts without a URL apart by node and content", () => {
    const otherText = { ...text, text: "a blue fox" };
    const otherNode = { ...text, nodeId: "10" };
    expect(mergeOutputs([text], [otherText, otherNode, text])).toEqual([text, otherText, otherNode]);
  });

  it("keeps 1,000 outputs, and still replaces those it knows", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => sampleOutput({ url: `https://cdn.example/${index}` }));
    const oneMore = sampleOutput({ url: "https://cdn.example/1000" });
    const known = sampleOutput({ url: "https://cdn.example/7", filename: "again.png" });
    const merged = mergeOutputs(many, [oneMore, known]);
    expect(merged).toHaveLength(1_000);
    expect(merged).not.toContain(oneMore);
    expect(merged[7]).toBe(known);
  });

  it("gives the same result when a report is delivered twice, and changes none of its inputs", () => {
    const urls = fc.constantFrom("a", "b", "c", "");
    const reports = fc.array(fc.record({ url: urls, text: fc.constantFrom("x", "y") }).map(sampleOutput));
    fc.assert(
      fc.property(reports, reports, (earlier, later) => {
        const kept = Object.freeze(mergeOutputs([], earlier));
        const merged = mergeOutputs(kept, Object.freeze(later));
        expect(mergeOutputs(merged, later)).toEqual(merged);
        const ids = merged.map((output) => output.url || output.text);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });
});
