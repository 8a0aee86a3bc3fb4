import { describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType, MOST_WINDOW_BYTES } from "../../src/http2/frames.js";
import { encodeHeaders } from "../../src/http2/hpack/encode-headers.js";
import { type RawClient, requestTo } from "./raw-client.js";
import { startServer } from "./test-server.js";

const { data, headers } = FrameType;
const { endsStream, endsHeaders, isPadded } = Flag;

const ECHO = requestTo("/echo");

describe("a connection", () => {
  it.each<[string, number, Buffer]>([
    ["malformed headers", ErrorCode.protocolError, encodeHeaders([[":method", "POST"]])],
    ["a capital in a header", ErrorCode.protocolError, requestTo("/echo", [["X", "1"]])],
    ["more headers than are taken", ErrorCode.enhanceYourCalm, requestTo("/echo", [["x", "1".repeat(1_000)]])],
  ])("goes on after a request with %s, which is reset", async (_, code, block) => {
    const { requests, open } = await startServer({ mostHeaderBytes: 1_050 });
    const client = await open();
    client.frame(headers, endsHeaders, 1, block);
    client.frame(data, endsStream, 1, "its body");
    client.request(3, "/echo", "three");
    expect(await client.nextReset(1)).toBe(code);
    expect(await client.answer(3)).toEqual({ body: "three", status: "0" });
    expect(requests.all).toHaveLength(1);
  });

  it.each<[string, number, (client: RawClient) => unknown]>([
    [
      "DATA after its end",
      ErrorCode.streamClosed,
      (client) => {
        client.frame(data, endsStream, 1, "a");
        client.frame(data, 0, 1, "b");
      },
    ],
    [
      "trailers after its end",
      ErrorCode.streamClosed,
      (client) => {
        client.frame(data, endsStream, 1, "a");
        client.frame(headers, endsHeaders | endsStream, 1);
      },
    ],
    ["headers in its middle", ErrorCode.protocolError, (client) => client.frame(headers, endsHeaders, 1, ECHO)],
    ["a window of 0", ErrorCode.protocolError, (client) => client.widen(1, 0)],
    ["a window that is too wide", ErrorCode.flowControlError, (client) => client.widen(1, MOST_WINDOW_BYTES)],
    ["more DATA than its window", ErrorCode.flowControlError, (client) => client.frame(data, 0, 1, Buffer.alloc(101))],
    [
      "more padding than its window",
      ErrorCode.flowControlError,
      (client) => client.frame(data, isPadded, 1, Buffer.concat([Buffer.of(99), Buffer.alloc(100)])),
    ],
  ])("goes on after a stream with %s, which is reset", async (_, code, send) => {
    const { requests, open } = await startServer({ streamWindowBytes: 100 });
    const client = await open();
    client.request(1, "/wait");
    send(client);
    client.request(3, "/echo", "three");
    expect(await client.nextReset(1)).toBe(code);
    expect(await client.answer(3)).toEqual({ body: "three", status: "0" });
    expect(requests.all.map(({ closings }) => closings)).toEqual([1, 1]);
  });

  it("refuses streams beyond those it takes at once, and takes more when some have ended", async () => {
    const { requests, open } = await startServer({ mostStreams: 2 });
    const client = await open();
    for (const id of [1, 3, 5]) client.request(id, "/hold");
    expect(await client.nextReset(5)).toBe(ErrorCode.refusedStream);
    client.reset(1, ErrorCode.cancel);
    client.request(7, "/echo", "seven");
    expect(await client.answer(7)).toEqual({ body: "seven", status: "0" });
    expect(requests.all.map(({ stream }) => stream.id)).toEqual([1, 3, 7]);
  });

  it("refuses streams beyond those that all connections may have together, and takes more when some have ended", async () => {
    const { requests, open } = await startServer({ mostStreamsInAll: 3, mostIdleFrames: 3 });
    const [crowd, other] = [await open(), await open()];
    for (const id of [1, 3, 5]) crowd.request(id, "/hold");
    await crowd.settled();
    // It is no fault of the client's: however often, it isn't sent away.
    for (const id of [1, 3, 5, 7, 9]) {
      other.request(id, "/echo", "much");
      expect(await other.nextReset(id)).toBe(ErrorCode.refusedStream);
    }
    crowd.reset(1, ErrorCode.cancel);
    await crowd.settled();
    other.request(11, "/echo", "eleven");
    expect(await other.answer(11)).toEqual({ body: "eleven", status: "0" });
    expect(requests.all).toHaveLength(4);
  });

  it("makes nothing of frames of a stream that is over", async () => {
    const client = await (await startServer()).open();
    client.request(1, "/echo", "one");
    await client.answer(1);
    client.frame(data, endsStream, 1, "more");
    client.frame(headers, endsHeaders | endsStream, 1);
    client.widen(1, 1);
    client.widen(1, 0);
    client.reset(1, ErrorCode.cancel);
    await client.settled();
    expect(client.frames.filter(({ streamId }) => streamId !== 0)).toEqual([]);
  });
});
