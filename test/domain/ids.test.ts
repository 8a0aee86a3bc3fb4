import fc from "fast-check";
import { expect, it } from "vitest";
import { derivedUuid } from "../../src/domain/ids.js";

const times = fc.bigInt({ min: 0n, max: 253_402_300_799_999_999n });

it("a derived id is the same for the same time and name", () => {
  // Computed by another program: replaying the same commands must make the same ids.
  expect(derivedUuid(1_700_000_000_000_000n, "grant\ntransaction-1\nuser\n")).toBe(
    "018bcfe5-6800-7e26-9f8b-950628f6e3c8",
  );
});

it("a derived id is a UUIDv7 of its time", () => {
  fc.assert(
    fc.property(times, fc.string(), (time, name) => {
      const id = derivedUuid(time, name);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(BigInt(`0x${id.slice(0, 8)}${id.slice(9, 13)}`)).toBe(time / 1_000n);
    }),
  );
});

it("derived ids of other names differ", () => {
  fc.assert(
    fc.property(times, fc.string(), fc.string(), (time, one, other) => {
      expect(derivedUuid(time, one) === derivedUuid(time, other)).toBe(one === other);
    }),
  );
});
