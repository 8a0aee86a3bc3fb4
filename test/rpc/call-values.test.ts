import { createContextKey, createContextValues } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CallValues } from "../../src/rpc/call-values.js";

const KEYS = [1, 2, 3].map((defaultValue) => createContextKey(defaultValue));
const KEY = fc.constantFrom(...KEYS);
const STEP = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), key: KEY, value: fc.integer() }),
  fc.record({ kind: fc.constant("delete" as const), key: KEY }),
);

it("a call's values are what Connect's would be, whatever is set and deleted", () => {
  fc.assert(
    fc.property(KEY, fc.integer(), fc.array(STEP), (key, first, steps) => {
      const ours = new CallValues(key, first);
      const theirs = createContextValues().set(key, first);
      for (const step of steps) {
        for (const values of [ours, theirs]) {
          if (step.kind === "set") values.set(step.key, step.value);
          else values.delete(step.key);
        }
        expect(KEYS.map((each) => ours.get(each))).toEqual(KEYS.map((each) => theirs.get(each)));
      }
    }),
  );
});
