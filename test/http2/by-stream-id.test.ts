import { describe, expect, it } from "vitest";
import { ByStreamId } from "../../src/http2/by-stream-id.js";

describe("what a connection keeps by stream", () => {
  it("is found by its stream until it is taken out, and counted", () => {
    const names = new ByStreamId<string>();
    names.add(1, "ann");
    names.add(2_147_483_647, "ben");
    expect([names.get(1), names.get(2_147_483_647), names.get(3), names.size]).toEqual(["ann", "ben", undefined, 2]);
    names.delete(1);
    names.delete(1);
    names.delete(5);
    expect([names.get(1), names.size]).toEqual([undefined, 1]);
  });

  it("is listed as it is when it is asked for, oldest stream first, whatever happens to it meanwhile", () => {
    const names = new ByStreamId<string>();
    for (const [streamId, name] of [
      [5, "cat"],
      [1, "ann"],
      [3, "ben"],
    ] as const) {
      names.add(streamId, name);
    }
    const seen: string[] = [];
    for (const name of names.values()) {
      seen.push(name);
      names.delete(3);
    }
    expect(seen).toEqual(["ann", "ben", "cat"]);
    expect(names.values()).toEqual(["ann", "cat"]);
  });
});
