import { afterEach, describe, expect, it, vi } from "vitest";
import { ErrorCode, Flag, FrameType, MOST_STREAM_ID, PREFACE, Setting } from "../../src/http2/frames.js";
import { encodeHeaders } from "../../src/http2/hpack/encode-headers.js";
import { framesOf, type RawClient, requestTo } from "./raw-client.js";
import { END, startConnection, startServer } from "./test-server.js";

const { data, headers, resetStream, continuation } = FrameType;
const { endsStream, endsHeaders, isPadded, hasPriority } = Flag;

const ECHO = requestTo("/echo");

describe("a request", () => {
  const parts: readonly (readonly [number, number, Buffer])[] = [
    [
      headers,
      isPadded | hasPriority,
      Buffer.concat([Buffer.of(3), Buffer.alloc(5, 1), ECHO.subarray(0, 9), Buffer.alloc(3)]),
    ],
    [continuation, 0, ECHO.subarray(9, 9)],
    [continuation, endsHeaders, ECHO.subarray(9)],
    [data, isPadded, Buffer.from("\x02hello \0\0")],
    [data, isPadded, Buffer.from("\0there")],
    [data, 0, Buffer.alloc(0)],
    [headers, endsHeaders | endsStream, encodeHeaders([["x-trailer", "1"]])],
  ];
  const request = (streamId: number): Buffer =>
    framesOf((writer) => {
      for (const [type, flags, payload] of parts) writer.frame(type, flags, streamId, payload);
    });

  it("may be padded, prioritized, continued and have trailers", async () => {
    const client = await (await startServer()).open();
    client.write(request(1));
    expect(await client.answer(1)).toEqual({ body: "hello there", status: "0" });
  });

  it("may be cut anywhere on its way", async () => {
    const client = await (await startServer()).open();
    const { length } = request(1);
    for (let cut = 1; cut < length; cut++) {
      const bytes = request(2 * cut - 1);
      client.write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(bytes.subarray(cut));
      expect(await client.answer(2 * cut - 1)).toEqual({ body: "hello there", status: "0" });
    }
  });

  it("may come a byte at a time, preface and all", async () => {
    const client = await (await startServer()).connect();
    for (const byte of Buffer.concat([PREFACE, framesOf((writer) => writer.settings({})), request(MOST_STREAM_ID)])) {
      client.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.answer(MOST_STREAM_ID)).toEqual({ body: "hello there", status: "0" });
  });

  it("that is answered before it is whole is told to send no more", async () => {
    const { requests, open } = await startServer();
    const client = await open();
    client.request(1, "/early");
    expect((await client.nextHeaders(1)).get("grpc-status")).toBe("8");
    expect(await client.nextReset(1)).toBe(ErrorCode.noError);
    client.frame(data, endsStream, 1, "too late");
    await client.settled();
    expect(requests.last).toMatchObject({ isWhole: false, closings: 1 });
  });

  it("that is whole by the end of the turn in which it is answered isn't", async () => {
    const { requests, open } = await startServer();
    const client = await open();
    client.request(1, "/early", "in one piece");
    expect((await client.nextHeaders(1)).get("grpc-status")).toBe("8");
    await client.settled();
    expect(client.frames.filter(({ type }) => type === resetStream)).toEqual([]);
    expect(requests.last).toMatchObject({ isWhole: false, closings: 1 });
  });

  it("that is refused at its headers gets no stream, and is told to send no more", async () => {
    const test = await startConnection();
    const { client, requests } = test;
    client.request(1, "/refused");
    const answer = await client.nextOf(headers, 1);
    expect(answer.flags & endsStream).toBe(endsStream);
    expect(await client.nextReset(1)).toBe(ErrorCode.noError);
    client.frame(data, 0, 1, "too");
    client.frame(data, endsStream, 1, "late");
    client.request(3, "/echo", "and the next is served");
    expect((await client.answer(3)).body).toBe("and the next is served");
    expect(requests.all).toHaveLength(1);
    expect(test.load.streams).toBe(0);
  });

  describe("that is refused at its headers", () => {
    const refusedAt = (client: RawClient): number[] =>
      client.frames.filter(({ type }) => type === headers).map(({ streamId }) => streamId);
    afterEach(() => {
      vi.useRealTimers();
    });

    it("hears of it together with others, a hundredth of a second later", async () => {
      const { client } = await startConnection();
      vi.useFakeTimers({ toFake: ["setTimeout"] });
      client.request(1, "/refused", "one");
      await turnsPass();
      client.request(3, "/refused", "and another");
      await turnsPass();
      expect(refusedAt(client)).toEqual([]);
      vi.advanceTimersByTime(10);
      await turnsPass();
      expect(refusedAt(client)).toEqual([1, 3]);
    });

    it("hears of it at once where there is something else to say", async () => {
      const { client } = await startConnection();
      vi.useFakeTimers({ toFake: ["setTimeout"] });
      client.request(1, "/refused", "one");
      client.request(3, "/echo", "two");
      await turnsPass();
      expect(refusedAt(client)).toEqual([1, 3, 3]);
    });
  });

  it.each<[string, (client: RawClient) => void]>([
    ["by the end of the turn", (client) => client.request(1, "/refused", "in one piece")],
    ["at its headers", (client) => client.send((writer) => writer.headers(1, requestTo("/refused"), true))],
    [
      "with trailers",
      (client) =>
        client.send((writer) => {
          writer.headers(1, requestTo("/refused"), false);
          writer.headers(1, END, true);
        }),
    ],
    [
      "by a reset",
      (client) =>
        client.send((writer) => {
          writer.headers(1, requestTo("/refused"), false);
          writer.number(resetStream, 1, ErrorCode.cancel);
        }),
    ],
  ])("that is refused and has ended %s isn't told to", async (_, request) => {
    const { client, requests } = await startConnection();
    request(client);
    await client.nextOf(headers, 1);
    await client.settled();
    expect(client.frames.filter(({ type }) => type === resetStream)).toEqual([]);
    expect(requests.all).toEqual([]);
  });

  it("of a client that keeps a smaller table of headers is answered with the news that it is", async () => {
    const client = await (await startServer()).open({ [Setting.headerTableSize]: 0 });
    client.request(1, "/echo", "one");
    const [first, last] = [await client.nextOf(headers, 1), await client.nextOf(headers, 1)];
    expect([first.payload[0], last.payload[0]]).toEqual([0x20, 0]);
  });
});

/** Long enough for what is sent over loopback to be there, and read. */
async function turnsPass(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
