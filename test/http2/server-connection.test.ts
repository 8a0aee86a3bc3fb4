import { describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType, MOST_WINDOW_BYTES, PREFACE, Setting } from "../../src/http2/frames.js";
import { type RawClient, requestTo } from "./raw-client.js";
import { startServer } from "./test-server.js";

const { data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation } =
  FrameType;
const { endsHeaders, isPadded, acknowledges } = Flag;

const ECHO = requestTo("/echo");

describe("a client's connection", () => {
  it("answers requests, several at once and one after another", async () => {
    const client = await (await startServer()).open();
    client.request(1, "/echo", "one");
    client.request(3, "/echo", "three");
    expect(await client.answer(3)).toEqual({ body: "three", status: "0" });
    expect(await client.answer(1)).toEqual({ body: "one", status: "0" });
    client.request(101, "/echo", "");
    expect(await client.answer(101)).toEqual({ body: "", status: "0" });
  });

  it("begins with the server's settings, and acknowledges the client's", async () => {
    const client = await (await startServer({ mostStreams: 7 })).open();
    const { payload } = await client.next(({ type, flags }) => type === settings && flags === 0);
    expect(payload.subarray(0, 6)).toEqual(Buffer.from([0, Setting.maxConcurrentStreams, 0, 0, 0, 7]));
    await client.next(({ type, flags, payload: of }) => type === settings && flags === 1 && of.length === 0);
  });

  it.each<[string, number, (client: RawClient) => unknown]>([
    ["a frame before SETTINGS", ErrorCode.protocolError, (client) => client.frame(ping, 0, 0, "12345678")],
    ["an acknowledgement before SETTINGS", ErrorCode.protocolError, (client) => client.frame(settings, 1, 0)],
  ])("is ended for %s", async (_, code, send) => {
    const client = await (await startServer()).connect();
    client.write(PREFACE);
    send(client);
    expect(await client.nextGoAway()).toMatchObject({ code, lastStreamId: 0 });
    await client.closed;
  });

  it.each([
    ["a request of HTTP/1.1", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a greeting of TLS", "\x16\x03\x01\x02\x00"],
    ["a preface with a mistake at its end", `${PREFACE.toString().slice(0, -1)} `],
  ])("that begins with %s is told what the port is for, and ended", async (_, bytes) => {
    const client = await (await startServer()).connect();
    client.write(Buffer.from(bytes, "latin1"));
    const reason = "this port speaks gRPC over HTTP/2";
    expect(await client.nextGoAway()).toEqual({ code: ErrorCode.protocolError, lastStreamId: 0, reason });
    await client.closed;
  });

  it.each<[string, number, (client: RawClient) => unknown]>([
    ["a frame above 16,384 bytes", ErrorCode.frameSizeError, (client) => client.write(Buffer.of(0, 0x40, 1))],
    ["DATA of no stream", ErrorCode.protocolError, (client) => client.frame(data, 0, 0, "a")],
    ["DATA of a stream that hasn't begun", ErrorCode.protocolError, (client) => client.frame(data, 0, 9, "a")],
    ["DATA with more padding than payload", ErrorCode.protocolError, (client) => client.frame(data, 8, 1, "\x05abcd")],
    ["padded DATA of nothing", ErrorCode.protocolError, (client) => client.frame(data, isPadded, 1)],
    ["HEADERS of no stream", ErrorCode.protocolError, (client) => client.frame(headers, endsHeaders, 0, ECHO)],
    ["HEADERS of an even stream", ErrorCode.protocolError, (client) => client.frame(headers, endsHeaders, 4, ECHO)],
    [
      "HEADERS with more padding than payload",
      ErrorCode.protocolError,
      (client) => client.frame(headers, 12, 3, "\x09a"),
    ],
    ["padded HEADERS of nothing", ErrorCode.protocolError, (client) => client.frame(headers, 12, 3)],
    ["HEADERS too short for a priority", ErrorCode.protocolError, (client) => client.frame(headers, 36, 3, "abcd")],
    ["HEADERS that can't be read", ErrorCode.compressionError, (client) => client.frame(headers, 4, 3, "\xff\xff\xff")],
    [
      "HEADERS in the middle of headers",
      ErrorCode.protocolError,
      inTheMiddle((client) => client.frame(headers, 4, 3, ECHO)),
    ],
    [
      "PING in the middle of headers",
      ErrorCode.protocolError,
      inTheMiddle((client) => client.frame(ping, 0, 0, "12345678")),
    ],
    [
      "an unknown frame in the middle of headers",
      ErrorCode.protocolError,
      inTheMiddle((client) => client.frame(99, 0, 0)),
    ],
    [
      "CONTINUATION of another stream",
      ErrorCode.protocolError,
      inTheMiddle((client) => client.frame(continuation, 4, 5)),
    ],
    ["CONTINUATION of nothing", ErrorCode.protocolError, (client) => client.frame(continuation, endsHeaders, 1)],
    ["PUSH_PROMISE", ErrorCode.protocolError, (client) => client.frame(pushPromise, endsHeaders, 1, "1234")],
    ["PING of 7 bytes", ErrorCode.frameSizeError, (client) => client.frame(ping, 0, 0, "1234567")],
    ["PING of a stream", ErrorCode.protocolError, (client) => client.frame(ping, 0, 1, "12345678")],
    ["SETTINGS of 5 bytes", ErrorCode.frameSizeError, (client) => client.frame(settings, 0, 0, "12345")],
    ["SETTINGS of a stream", ErrorCode.protocolError, (client) => client.frame(settings, 0, 1)],
    [
      "SETTINGS acknowledged with a payload",
      ErrorCode.frameSizeError,
      (client) => client.frame(settings, 1, 0, "123456"),
    ],
    ["ENABLE_PUSH of 2", ErrorCode.protocolError, set(Setting.enablePush, 2)],
    ["MAX_FRAME_SIZE of 16,383", ErrorCode.protocolError, set(Setting.maxFrameSize, 16_383)],
    ["MAX_FRAME_SIZE of 2^24", ErrorCode.protocolError, set(Setting.maxFrameSize, 2 ** 24)],
    ["INITIAL_WINDOW_SIZE of 2^31", ErrorCode.flowControlError, set(Setting.initialWindowSize, 2 ** 31)],
    [
      "INITIAL_WINDOW_SIZE that makes a window too wide",
      ErrorCode.flowControlError,
      (client) => {
        client.widen(1, 1_000);
        set(Setting.initialWindowSize, MOST_WINDOW_BYTES)(client);
      },
    ],
    ["WINDOW_UPDATE by 0", ErrorCode.protocolError, (client) => client.widen(0, 0)],
    ["WINDOW_UPDATE beyond 2^31 - 1", ErrorCode.flowControlError, (client) => client.widen(0, MOST_WINDOW_BYTES)],
    ["WINDOW_UPDATE of 3 bytes", ErrorCode.frameSizeError, (client) => client.frame(windowUpdate, 0, 0, "123")],
    ["WINDOW_UPDATE of a stream that hasn't begun", ErrorCode.protocolError, (client) => client.widen(9, 1)],
    [
      "RST_STREAM of a stream that hasn't begun",
      ErrorCode.protocolError,
      (client) => client.reset(9, ErrorCode.cancel),
    ],
    ["RST_STREAM of no stream", ErrorCode.protocolError, (client) => client.reset(0, ErrorCode.cancel)],
    ["RST_STREAM of 5 bytes", ErrorCode.frameSizeError, (client) => client.frame(resetStream, 0, 1, "12345")],
  ])("is ended for %s, and what is open on it is closed", async (_, code, send) => {
    const { requests, open } = await startServer();
    const client = await open();
    client.request(1, "/wait");
    send(client);
    // Whatever comes after it isn't looked at.
    client.request(11, "/echo", "late");
    expect(await client.nextGoAway()).toMatchObject({ code, lastStreamId: 1 });
    await client.closed;
    expect(requests.all.map(({ closings }) => closings)).toEqual([1]);
  });

  it("makes nothing of what it doesn't know, nor of priorities and the client's farewell", async () => {
    const client = await (await startServer()).open({ 99: 1, [Setting.maxConcurrentStreams]: 0 });
    client.frame(99, 0xff, 1, "whatever");
    client.frame(priority, 0, 1, "12345");
    client.request(1, "/echo", "one");
    client.frame(goAway, 0, 0, Buffer.alloc(8));
    expect(await client.answer(1)).toEqual({ body: "one", status: "0" });
  });

  it("hands a ping back", async () => {
    const client = await (await startServer()).open();
    client.frame(ping, 0, 0, "abcdefgh");
    const { flags, payload } = await client.nextOf(ping, 0);
    expect([flags, payload.toString()]).toEqual([acknowledges, "abcdefgh"]);
  });
});

function inTheMiddle(send: (client: RawClient) => unknown): (client: RawClient) => void {
  return (client) => {
    client.frame(headers, 0, 3, ECHO);
    send(client);
  };
}

function set(setting: number, value: number): (client: RawClient) => void {
  return (client) => client.send((writer) => writer.settings({ [setting]: value }));
}
