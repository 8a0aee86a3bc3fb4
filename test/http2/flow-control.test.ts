import { describe, expect, it } from "vitest";
import { ErrorCode, FrameType, MOST_WINDOW_BYTES, Setting } from "../../src/http2/frames.js";
import { END, expectNothingKept, HEAD, startConnection, type TestConnection } from "./test-server.js";

const { data, windowUpdate } = FrameType;
const LARGE = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
const FIRST_WINDOW = 65_535;

describe("an answer larger than the client's windows", () => {
  it.each([
    ["the stream's first", [1, 0]],
    ["the connection's first", [0, 1]],
  ])("comes as they are widened, %s", async (_, order) => {
    const test = await startConnection();
    const { client, connection } = test;
    client.request(1, "/wait", "");
    await client.settled();
    test.requests.last.answer(LARGE);
    let received = await client.nextData(1, FIRST_WINDOW);
    for (const bytes of [1, 20_000, LARGE.length]) {
      const before = connection.unsentBytes;
      client.widen(order[0] as number, bytes);
      await client.settled();
      expect(connection.unsentBytes).toBe(before);
      client.widen(order[1] as number, bytes);
      const more = await client.nextData(1, Math.min(bytes, before));
      received = Buffer.concat([received, more]);
    }
    expect(received.equals(LARGE)).toBe(true);
    expect(client.frames.filter(({ type }) => type === data)).toEqual([]);
    await client.settled();
    expectNothingKept(test);
    expect(test.requests.last.closings).toBe(1);
  });

  it("comes a byte at a time if that is how the client takes it", async () => {
    const { client, requests } = await startConnection({}, { [Setting.initialWindowSize]: 0 });
    client.request(1, "/wait", "");
    await client.settled();
    requests.last.answer(Buffer.from("hello"));
    for (const letter of "hello") {
      client.widen(1, 1);
      expect((await client.nextData(1, 1)).toString()).toBe(letter);
    }
    await client.nextHeaders(1);
    expect((await client.nextHeaders(1)).get("grpc-status")).toBe("0");
  });

  it("waits for what a changed first window lets it send, also if that was below nothing in between", async () => {
    const test = await startConnection();
    const { client } = test;
    const setWindow = (bytes: number) =>
      client.send((writer) => writer.settings({ [Setting.initialWindowSize]: bytes }));
    client.widen(0, 1_000_000);
    client.request(1, "/wait", "");
    await client.settled();
    test.requests.last.answer(LARGE);
    await client.nextData(1, FIRST_WINDOW);
    setWindow(0);
    client.widen(1, FIRST_WINDOW);
    await client.settled();
    client.widen(1, 10);
    expect(await client.nextData(1, 10)).toEqual(LARGE.subarray(FIRST_WINDOW, FIRST_WINDOW + 10));
    setWindow(5);
    await client.nextData(1, 5);
    await client.settled();
    expect(client.frames.filter(({ type }) => type === data)).toEqual([]);
    setWindow(LARGE.length);
    await client.nextData(1, LARGE.length - FIRST_WINDOW - 15);
    await client.settled();
    expectNothingKept(test);
  });

  it("of one stream holds up no other", async () => {
    const { client, requests } = await startConnection({}, { [Setting.initialWindowSize]: 10 });
    client.request(1, "/echo", "x".repeat(50));
    client.request(3, "/echo", "short");
    expect(await client.answer(3)).toEqual({ body: "short", status: "0" });
    expect(requests.all.map(({ closings }) => closings)).toEqual([0, 1]);
    client.widen(1, 40);
    expect((await client.answer(1)).body).toHaveLength(50);
  });

  it("of many streams comes as one connection's window is widened for all of them", async () => {
    const { client } = await startConnection({}, { [Setting.initialWindowSize]: MOST_WINDOW_BYTES });
    const ids = Array.from({ length: 20 }, (_, index) => 2 * index + 1);
    for (const id of ids) client.request(id, "/echo", "x".repeat(16_000));
    for (const _ of ids) client.widen(0, 16_000);
    const answers = await Promise.all(ids.map((id) => client.answer(id)));
    expect(new Set(answers.map(({ body }) => body.length))).toEqual(new Set([16_000]));
  });

  it("that the client doesn't read isn't all written, whatever its windows are", async () => {
    const test = await startConnection({}, { [Setting.initialWindowSize]: MOST_WINDOW_BYTES });
    const { client, connection, requests } = test;
    client.widen(0, MOST_WINDOW_BYTES - FIRST_WINDOW);
    client.request(1, "/wait", "");
    await client.settled();
    client.socket.pause();
    const { stream } = requests.last;
    stream.respond(HEAD, false);
    const piece = Buffer.alloc(2 ** 20);
    for (let pieces = 0; pieces < 24; pieces++) stream.send(piece);
    expect(connection.unsentBytes).toBeGreaterThan(20 * piece.length);
    stream.end(END);
    client.socket.resume();
    await client.nextData(1, 24 * piece.length);
    await client.settled();
    expectNothingKept(test);
    // And it is heard again.
    client.request(3, "/echo", "three");
    expect((await client.answer(3)).body).toBe("three");
  });

  it("is told to whoever sends it when it has all gone, or never will", async () => {
    const { client, requests } = await startConnection();
    client.request(1, "/wait", "");
    client.request(3, "/wait", "");
    await client.settled();
    const gone: number[] = [];
    for (const { stream } of requests.all) {
      stream.send(LARGE);
      void stream.whenSent().then(() => gone.push(stream.id));
    }
    client.reset(3, ErrorCode.cancel);
    await client.settled();
    expect(gone).toEqual([3]);
    client.widen(0, LARGE.length);
    client.widen(1, LARGE.length);
    await client.settled();
    expect(gone).toEqual([3, 1]);
  });
});

describe("a request's body", () => {
  const widenings = ({ client }: TestConnection, streamId: number): number =>
    client.frames
      .filter((frame) => frame.type === windowUpdate && frame.streamId === streamId)
      .reduce((bytes, { payload }) => bytes + payload.readUInt32BE(), 0);

  it("gets back the stream's window that somebody has taken from it, padding too", async () => {
    const test = await startConnection({ streamWindowBytes: 100 });
    const { client } = test;
    client.request(1, "/wait");
    for (let times = 0; times < 20; times++) {
      client.frame(data, 8, 1, Buffer.concat([Buffer.of(49), Buffer.alloc(99)]));
      await client.settled();
    }
    expect(widenings(test, 1)).toBe(20 * 100);
    expectNothingKept(test);
  });

  it("gets back none that nobody has taken", async () => {
    const test = await startConnection({ streamWindowBytes: 100 });
    test.client.request(1, "/hold");
    test.client.frame(data, 0, 1, Buffer.alloc(60));
    await test.client.settled();
    expect(widenings(test, 1)).toBe(0);
    expect(test.connection.heldBytes).toBe(60);
    test.requests.last.stream.taken(60);
    await test.client.settled();
    expect(widenings(test, 1)).toBe(60);
    expectNothingKept(test);
  });

  it.each(["/early", "/refused"])("gets the connection's window back, also if its stream is over: %s", async (path) => {
    const test = await startConnection();
    const { client } = test;
    client.request(1, path);
    await client.nextReset(1);
    const before = widenings(test, 0);
    for (let times = 0; times < 2 * 2 ** 10; times++) client.frame(data, 0, 1, Buffer.alloc(2 ** 14));
    await client.settled();
    const half = 8 * 2 ** 20;
    expect(widenings(test, 0) - before).toBeGreaterThan(32 * 2 ** 20 - half);
    expectNothingKept(test);
  });

  it("that is more than the connection may hold is refused, and the others go on", async () => {
    const test = await startConnection({ mostHeldBytes: 100 });
    const { client } = test;
    client.request(1, "/hold");
    client.frame(data, 0, 1, Buffer.alloc(90));
    client.request(3, "/hold");
    client.frame(data, 0, 3, Buffer.alloc(11));
    expect(await client.nextReset(3)).toBe(ErrorCode.enhanceYourCalm);
    client.request(5, "/echo", "0123456789");
    expect((await client.answer(5)).body).toBe("0123456789");
    expect(test.connection.heldBytes).toBe(90);
  });
});
