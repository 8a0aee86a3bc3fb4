import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { ErrorCode, FrameType, MOST_STREAM_ID, MOST_WINDOW_BYTES, Setting } from "../../src/http2/frames.js";
import { requestTo } from "./raw-client.js";
import { startConnection, startServer } from "./test-server.js";

const { data, ping, resetStream, windowUpdate } = FrameType;
/** Longer than any test takes: whatever happens isn't because of it. */
const LONG_MS = 100_000;

describe("a connection that is to end", () => {
  it("still serves calls that cross the news, and ends with the last of them", async () => {
    const test = await startConnection();
    const { client, connection, requests } = test;
    client.request(1, "/wait", "");
    await client.settled();
    connection.drain();
    expect(await client.nextGoAway()).toMatchObject({ lastStreamId: MOST_STREAM_ID, code: ErrorCode.noError });
    client.request(3, "/echo", "crossed");
    expect((await client.answer(3)).body).toBe("crossed");
    await client.acknowledgePing();
    expect(await client.nextGoAway()).toMatchObject({ lastStreamId: 3, code: ErrorCode.noError });
    requests.last.answer(Buffer.from("nobody's"));
    requests.all[0]?.answer(Buffer.from("the last"));
    expect((await client.answer(1)).body).toBe("the last");
    await client.closed;
  });

  it("counts a call that it refuses meanwhile among those that have been heard", async () => {
    const { client, connection } = await startConnection();
    connection.drain();
    client.request(1, "/refused", "crossed");
    await client.nextOf(FrameType.headers, 1);
    await client.acknowledgePing();
    await client.nextGoAway();
    expect(await client.nextGoAway()).toMatchObject({ lastStreamId: 1, code: ErrorCode.noError });
    await client.closed;
  });

  it("ends at once when nothing is open on it and the client has heard", async () => {
    const test = await startConnection();
    test.connection.drain();
    test.connection.drain();
    await test.client.acknowledgePing();
    await test.client.closed;
    const goAways = test.client.frames.filter(({ type }) => type === FrameType.goAway);
    expect(goAways.map(({ payload }) => payload.readUInt32BE())).toEqual([MOST_STREAM_ID, 0]);
  });

  it("doesn't wait long for a client that doesn't say that it has heard", async () => {
    const test = await startConnection();
    test.client.request(1, "/echo", "one");
    await test.client.answer(1);
    test.connection.drain();
    await test.client.closed;
    const goAways = test.client.frames.filter(({ type }) => type === FrameType.goAway);
    expect(goAways.map(({ payload }) => payload.readUInt32BE())).toEqual([MOST_STREAM_ID, 1]);
  });

  it("makes nothing of calls that come after all, and goes on with those it has", async () => {
    const test = await startConnection();
    const { client, connection, requests } = test;
    client.request(1, "/wait", "");
    await client.settled();
    connection.drain();
    await client.acknowledgePing();
    await client.nextGoAway();
    await client.nextGoAway();
    client.send((writer) => {
      writer.headers(3, requestTo("/echo"), false);
      writer.frame(data, 0, 3, Buffer.from("late"));
      writer.number(windowUpdate, 3, 1);
      writer.frame(data, 1, 3, Buffer.from("r"));
      writer.headers(5, requestTo("/echo"), false);
      writer.number(resetStream, 5, ErrorCode.cancel);
    });
    await client.settled();
    requests.last.answer(Buffer.from("the last"));
    expect((await client.answer(1)).body).toBe("the last");
    await client.closed;
    expect(requests.all.map(({ stream }) => stream.id)).toEqual([1]);
  });

  it("never says of a call that it was served when it has said that it wasn't", async () => {
    const test = await startConnection();
    const { client, connection } = test;
    client.request(1, "/wait", "");
    await client.settled();
    connection.drain();
    await client.acknowledgePing();
    client.request(3, "/echo", "late");
    client.frame(ping, 0, 0, "short");
    const last = [await client.nextGoAway(), await client.nextGoAway(), await client.nextGoAway()];
    expect(last.map(({ lastStreamId }) => lastStreamId)).toEqual([MOST_STREAM_ID, 1, 1]);
  });

  it("ends although its last answer was more than is written at once", async () => {
    const test = await startConnection({}, { [Setting.initialWindowSize]: MOST_WINDOW_BYTES });
    const { client, connection, requests } = test;
    client.widen(0, MOST_WINDOW_BYTES - 65_535);
    client.request(1, "/wait", "");
    connection.drain();
    await client.acknowledgePing();
    await client.nextGoAway();
    await client.nextGoAway();
    client.socket.pause();
    const body = Buffer.alloc(8 * 2 ** 20, "x");
    requests.last.answer(body);
    await vi.waitFor(() => expect(connection.isFull).toBe(true));
    client.socket.resume();
    expect((await client.answer(1)).body).toHaveLength(body.length);
    await client.closed;
    await vi.waitFor(() => expect(test.closings()).toBe(1));
  });

  it("is told to go when it has been open for long enough", async () => {
    const { open } = await startServer({}, { maxConnectionAgeMs: 50 });
    const client = await open();
    client.request(1, "/wait");
    expect(await client.nextGoAway()).toMatchObject({ lastStreamId: MOST_STREAM_ID, code: ErrorCode.noError });
    client.reset(1, ErrorCode.cancel);
    await client.closed;
  });
});

describe("a server that stops", () => {
  it("answers what is in flight, and takes no more connections", async () => {
    const { server, requests, open, connect: dial } = await startServer();
    const [busy, idle] = [await open(), await open()];
    const silent = await dial();
    busy.request(1, "/wait", "");
    await busy.settled();
    await idle.settled();
    const { port } = server;
    const stopped = server.stop(LONG_MS);
    await Promise.all([busy.acknowledgePing(), idle.acknowledgePing()]);
    await idle.closed;
    // One that hasn't said a word has nothing to wait for.
    await silent.closed;
    const refused = connect(port, "127.0.0.1");
    await new Promise((resolve) => refused.once("error", resolve));
    requests.last.answer(Buffer.from("the last"));
    expect((await busy.answer(1)).body).toBe("the last");
    await stopped;
  });

  it("cuts off what isn't answered at its deadline", async () => {
    const { server, requests, open } = await startServer();
    const client = await open();
    client.request(1, "/wait", "");
    await client.settled();
    await server.stop(10);
    await client.closed;
    await vi.waitFor(() => expect(requests.last.closings).toBe(1));
  });

  it("that can't listen says so", async () => {
    const { server } = await startServer();
    await expect(startServer({}, { port: server.port })).rejects.toThrow("EADDRINUSE");
  });
});
