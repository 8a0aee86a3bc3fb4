import { describe, expect, it, vi } from "vitest";
import { ErrorCode, Flag, FrameType, type FrameWriter, MOST_WINDOW_BYTES, Setting } from "../../src/http2/frames.js";
import { requestTo } from "./raw-client.js";
import { END, HEAD, startConnection, startServer } from "./test-server.js";

const { data, headers, priority, resetStream, settings, ping, windowUpdate, continuation } = FrameType;
const { endsStream, endsHeaders, isPadded, acknowledges } = Flag;

/** So few that the settings at the beginning count, too. */
const MOST = 100;
const MOST_STREAMS = 20;
const LIMITS = { mostIdleFrames: MOST, idleFramesPerSecond: 1e-3, mostStreams: MOST_STREAMS };
const ECHO = requestTo("/echo");
const PRIORITY = Buffer.alloc(5);

type Attack = (writer: FrameWriter, index: number) => void;

/** Each sends one frame, or a few, that are to cost the service more than the client. Stream 1 is open. */
const ATTACKS: readonly (readonly [string, Attack])[] = [
  ["pings", (writer) => writer.frame(ping, 0, 0, Buffer.alloc(8))],
  ["settings", (writer) => writer.settings({ [Setting.initialWindowSize]: 1 })],
  ["empty settings", (writer) => writer.settings({})],
  ["priorities", (writer) => writer.frame(priority, 0, 1, PRIORITY)],
  ["frames that there are not", (writer) => writer.frame(99, 0, 0, Buffer.alloc(0))],
  ["empty DATA", (writer) => writer.frame(data, 0, 1, Buffer.alloc(0))],
  ["DATA of padding", (writer) => writer.frame(data, isPadded, 1, Buffer.of(3, 0, 0, 0))],
  ["empty DATA of a stream that is over", (writer) => writer.frame(data, 0, 3, Buffer.alloc(0))],
  ["headers of a stream that is over", (writer) => writer.frame(headers, endsHeaders | endsStream, 3, Buffer.alloc(0))],
  [
    "resets",
    (writer, index) => {
      writer.headers(5 + 2 * index, ECHO, false);
      writer.number(resetStream, 5 + 2 * index, ErrorCode.cancel);
    },
  ],
  ["resets of a stream that is over", (writer) => writer.number(resetStream, 3, ErrorCode.cancel)],
  [
    "resets that it provokes with a window of 0",
    (writer, index) => {
      writer.headers(5 + 2 * index, ECHO, true);
      writer.headers(7 + 2 * index, requestTo("/hold"), true);
      writer.number(windowUpdate, 7 + 2 * index, 0);
    },
  ],
  [
    "resets that it provokes with a window that is too wide",
    (writer, index) => {
      writer.headers(5 + 2 * index, requestTo("/hold"), true);
      writer.number(windowUpdate, 5 + 2 * index, MOST_WINDOW_BYTES);
    },
  ],
  [
    "resets that it provokes with DATA after the end",
    (writer, index) => {
      writer.headers(5 + 2 * index, requestTo("/hold"), true);
      writer.frame(data, 0, 5 + 2 * index, Buffer.of(1));
    },
  ],
  [
    "resets that it provokes with more requests than it may have open, refused ones among them",
    (writer, index) => {
      for (let id = 5; id < 5 + 2 * (MOST_STREAMS + 2); id += 2) {
        writer.headers(id + 4 * MOST_STREAMS * index, requestTo("/refused"), false);
      }
    },
  ],
  ["resets that it provokes with malformed requests", (writer, index) => writer.headers(5 + 2 * index, END, true)],
];

describe("a flood", () => {
  it.each(ATTACKS)("of %s ends the connection, and others are served", async (_, attack) => {
    const { requests, open } = await startServer(LIMITS);
    const [attacker, other] = await Promise.all([open(), open()]);
    attacker.request(1, "/wait");
    attacker.request(3, "/echo", "three");
    await attacker.answer(3);
    for (let index = 0; index < 2 * MOST; index++) attacker.send((writer) => attack(writer, index));
    for (let id = 1; id < 20; id += 2) {
      other.request(id, "/echo", `for ${id}`);
      expect(await other.answer(id)).toEqual({ body: `for ${id}`, status: "0" });
    }
    expect(await attacker.nextGoAway()).toMatchObject({ code: ErrorCode.enhanceYourCalm });
    await attacker.closed;
    await vi.waitFor(() => expect(requests.all.every(({ closings }) => closings === 1)).toBe(true));
    expect(requests.all.length).toBeLessThan(MOST + 20);
  });

  it.each<[string, Attack]>([
    ["continuations that are empty", (writer) => writer.frame(continuation, 0, 1, Buffer.alloc(0))],
    ["continuations that are small", (writer) => writer.frame(continuation, 0, 1, Buffer.alloc(10))],
    ["continuations that are large", (writer) => writer.frame(continuation, 0, 1, Buffer.alloc(16_384))],
  ])("of %s ends the connection", async (_, attack) => {
    const { requests, open } = await startServer();
    const attacker = await open();
    attacker.frame(headers, 0, 1, ECHO);
    for (let index = 0; index < 20; index++) attacker.send((writer) => attack(writer, index));
    expect(await attacker.nextGoAway()).toMatchObject({ code: ErrorCode.enhanceYourCalm });
    await attacker.closed;
    expect(requests.all).toEqual([]);
  });

  it("of headers that unpack to megabytes is reset, one after the other", async () => {
    const { requests, open } = await startServer();
    const attacker = await open();
    const entry = Buffer.concat([Buffer.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e), Buffer.alloc(4_000, "x")]);
    attacker.frame(headers, endsHeaders | endsStream, 1, Buffer.concat([entry, Buffer.alloc(8_000, 0xbe)]));
    attacker.frame(headers, endsHeaders | endsStream, 3, Buffer.alloc(16_000, 0xbe));
    expect(await attacker.nextReset(1)).toBe(ErrorCode.enhanceYourCalm);
    expect(await attacker.nextReset(3)).toBe(ErrorCode.enhanceYourCalm);
    expect(requests.all).toEqual([]);
  });

  it("of streams is refused beyond those that are taken, and ends the connection if it goes on", async () => {
    const { requests, open } = await startServer({ ...LIMITS, mostStreams: 10 });
    const attacker = await open();
    for (let index = 0; index < 2 * MOST; index++) attacker.request(2 * index + 1, "/hold");
    expect(await attacker.nextGoAway()).toMatchObject({ code: ErrorCode.enhanceYourCalm });
    expect(requests.all).toHaveLength(10);
  });

  it("of windows that are widened by little moves no more than one stream for each", async () => {
    const { client, requests } = await startConnection({}, { [Setting.initialWindowSize]: 0 });
    const ids = Array.from({ length: 200 }, (_, index) => 2 * index + 1);
    for (const id of ids) client.request(id, "/wait", "");
    await client.settled();
    const pumped = requests.all.map(({ stream }) => {
      stream.respond(HEAD, false);
      stream.send(Buffer.alloc(100));
      return vi.spyOn(stream, "pump");
    });
    const times = (): number => pumped.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    for (let index = 0; index < 50; index++) client.widen(1, 1);
    for (let index = 0; index < 50; index++) client.widen(0, 1);
    await client.nextData(1, 50);
    await client.settled();
    expect(times()).toBe(50);
    // A frame may say so thousands of times.
    client.frame(settings, 0, 0, Buffer.concat(Array(1_000).fill(Buffer.of(0, 4, 0, 0, 0, 1, 0, 4, 0, 0, 0, 2))));
    await client.settled();
    expect(times()).toBe(50 + ids.length);
  });
});

describe("a client that does a little of all this", () => {
  it("isn't sent away if it does so slower than the bound", async () => {
    const { requests, open } = await startServer({ mostIdleFrames: 20, idleFramesPerSecond: 1e6 });
    const client = await open();
    for (let id = 1; id < 400; id += 2) {
      client.request(id, "/wait");
      client.reset(id, ErrorCode.cancel);
      if (id % 10 === 1) await client.settled();
    }
    client.request(401, "/echo", "still here");
    expect((await client.answer(401)).body).toBe("still here");
    expect(requests.all.every(({ closings }) => closings === 1)).toBe(true);
  });

  it.each(["/early", "/refused"])("isn't sent away for calls that are refused, however many: %s", async (path) => {
    const client = await (await startServer(LIMITS)).open();
    for (let id = 1; id < 8 * MOST; id += 2) {
      client.request(id, path);
      client.frame(data, endsStream, id, "too late for anybody");
    }
    client.request(8 * MOST + 1, "/echo", "still here");
    expect((await client.answer(8 * MOST + 1)).body).toBe("still here");
  });

  it("isn't sent away for trailers after calls that are refused, however many", async () => {
    const client = await (await startServer(LIMITS)).open();
    for (let id = 1; id < 8 * MOST; id += 2) {
      client.send((writer) => {
        writer.headers(id, requestTo("/refused"), false);
        writer.headers(id, END, true);
      });
    }
    client.request(8 * MOST + 1, "/echo", "still here");
    expect((await client.answer(8 * MOST + 1)).body).toBe("still here");
  });

  it("isn't sent away for acknowledging what it is sent", async () => {
    const client = await (await startServer(LIMITS)).open();
    for (let times = 0; times < 4 * MOST; times++) {
      client.frame(settings, acknowledges, 0);
      client.frame(ping, acknowledges, 0, "12345678");
    }
    client.request(1, "/echo", "still here");
    expect((await client.answer(1)).body).toBe("still here");
  });
});
