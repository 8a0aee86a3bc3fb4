import fc from "fast-check";
import { expect, it } from "vitest";
import { packed, unpacked } from "../../../src/rpc/writing-thread/frames.js";
import { SharedRoom } from "../../../src/rpc/writing-thread/shared-room.js";

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const frame = fc.record({ callId: uint32, kind: uint32, bytes: fc.uint8Array({ maxLength: 300 }) });

it("frames come out of a piece of memory as they were packed into it, in their order", () => {
  fc.assert(
    fc.property(fc.array(frame), (frames) => {
      expect([...unpacked(packed(frames))]).toEqual(frames);
    }),
  );
});

it("room is what was there when so many calls had been received, less those sent since, also when counts run over", () => {
  fc.assert(
    fc.property(uint32, fc.nat(8_192), fc.nat(8_192), (received, room, sentSince) => {
      const shared = new SharedRoom();
      shared.set(received, room);
      expect(shared.isLeft(received + sentSince)).toBe(sentSince < room);
    }),
  );
});

it("there is no room before any is told of", () => {
  expect(new SharedRoom().isLeft(0)).toBe(false);
});
