import { describe, expect, it } from "vitest";
import {
  Flag,
  type Frame,
  FrameReader,
  FrameType,
  FrameWriter,
  MOST_PAYLOAD_BYTES,
  settingsIn,
} from "../../src/http2/frames.js";
import { framesOf } from "./raw-client.js";

function read(...chunks: Buffer[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks)
    reader.read(chunk, (frame) => frames.push({ ...frame, payload: Buffer.from(frame.payload) }));
  return frames;
}

describe("frames", () => {
  it.each([1, MOST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES + 1, 2 * MOST_PAYLOAD_BYTES, 40_000])(
    "of %i bytes of headers come in as many as it takes, and the last says so",
    (bytes) => {
      const block = Buffer.from(Array.from({ length: bytes }, (_, index) => index % 251));
      const frames = read(framesOf((writer) => writer.headers(7, block, true)));
      const { headers, continuation } = FrameType;
      expect(frames.map(({ type }) => type)).toEqual(frames.map((_, index) => (index === 0 ? headers : continuation)));
      expect(frames.map(({ flags }) => (flags & Flag.endsHeaders) !== 0)).toEqual(
        frames.map((each) => each === frames.at(-1)),
      );
      expect((frames[0] as Frame).flags & Flag.endsStream).toBe(Flag.endsStream);
      expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(block)).toBe(true);
      expect(frames.every(({ streamId }) => streamId === 7)).toBe(true);
    },
  );

  it("are the same wherever they are cut", () => {
    const bytes = framesOf((writer) => {
      writer.frame(FrameType.data, 0, 1, Buffer.from("hello"));
      writer.settings({ 1: 2, 3: 4_000_000_000 });
      writer.goAway(5, 0, "why");
    });
    const whole = read(bytes);
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole);
    expect(settingsIn(whole[1] as Frame)).toEqual([
      [1, 2],
      [3, 4_000_000_000],
    ]);
  });

  it("that aren't whole keep nothing of what they came with", () => {
    const bytes = framesOf((writer) => writer.frame(FrameType.data, 0, 1, Buffer.from("hello")));
    const first = Buffer.from(bytes.subarray(0, 12));
    const reader = new FrameReader();
    const payloads: string[] = [];
    reader.read(first, () => {});
    first.fill(0);
    reader.read(bytes.subarray(12), ({ payload }) => payloads.push(payload.toString()));
    expect(payloads).toEqual(["hello"]);
  });

  it("mean nothing by the bit before a stream's number", () => {
    const bytes = framesOf((writer) => writer.frame(FrameType.data, 0, 1, Buffer.alloc(0)));
    bytes.writeUInt32BE(0x8000_0001, 5);
    expect(read(bytes)).toMatchObject([{ streamId: 1 }]);
  });

  it("are gathered until they are taken, however many there are", () => {
    const writer = new FrameWriter();
    expect(writer.take()).toBeUndefined();
    for (let index = 0; index < 100; index++) writer.frame(FrameType.data, 0, 1, Buffer.alloc(10_000, index));
    expect(writer.gatheredBytes).toBe(100 * 10_009);
    const taken = writer.take() as Buffer;
    writer.frame(FrameType.data, 0, 1, Buffer.alloc(10_000, 200));
    expect(read(taken).map(({ payload }) => payload[9_999])).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(read(writer.take() as Buffer)).toHaveLength(1);
    expect(writer.take()).toBeUndefined();
  });
});
