import { describe, expect, it, vi } from "vitest";
import { ErrorCode, FrameType, PREFACE } from "../../src/http2/frames.js";
import { startConnection, type TestConnection } from "./test-server.js";

const { headers, ping, resetStream } = FrameType;
const LONG_MS = 100_000;

describe("patience", () => {
  const limits = { patienceMs: LONG_MS, keepaliveMs: 10 * LONG_MS, keepaliveTimeoutMs: LONG_MS };
  const later = (ms: number): number => performance.now() + ms;

  it.each([
    ["a body that stops coming", (test: TestConnection) => test.client.request(1, "/wait")],
    [
      "an answer that isn't taken",
      async ({ client, requests }: TestConnection) => {
        client.request(1, "/wait", "");
        await client.settled();
        requests.last.answer(Buffer.alloc(100_000));
      },
    ],
  ])("ends with %s", async (_, begin) => {
    const test = await startConnection(limits);
    await begin(test);
    await test.client.settled();
    test.connection.sweep(later(LONG_MS / 2));
    await test.client.settled();
    expect(test.client.frames.filter(({ type }) => type === resetStream)).toEqual([]);
    test.connection.sweep(later(LONG_MS + 1));
    expect(await test.client.nextReset(1)).toBe(ErrorCode.cancel);
    expect(test.requests.last.closings).toBe(1);
  });

  it("has no end with a call that takes long to answer, nor with a stream's body", async () => {
    const { client, connection, requests } = await startConnection(limits);
    client.request(1, "/wait", "");
    client.request(3, "/wait");
    await client.settled();
    requests.last.stream.expectsAll = false;
    connection.sweep(later(LONG_MS + 1));
    await client.settled();
    expect(requests.all.map(({ closings }) => closings)).toEqual([0, 0]);
  });

  it("begins anew when an answer is held up, and with all that the client takes of it", async () => {
    const { client, connection, requests } = await startConnection(limits);
    const now = vi.spyOn(performance, "now");
    try {
      client.request(1, "/wait", "");
      await client.settled();
      const started = performance.now();
      // The call has taken longer than anybody's patience before there was an answer.
      now.mockImplementation(() => started + 2 * LONG_MS);
      requests.last.answer(Buffer.alloc(100_000));
      await client.nextData(1, 65_535);
      connection.sweep(started + 2 * LONG_MS + 1);
      now.mockImplementation(() => started + 3 * LONG_MS);
      client.widen(0, 1_000);
      client.widen(1, 1_000);
      await client.nextData(1, 1_000);
      connection.sweep(started + 3 * LONG_MS + 1);
      expect(requests.last.closings).toBe(0);
      // A window that is widened elsewhere moves nothing.
      now.mockImplementation(() => started + 4 * LONG_MS);
      client.widen(0, 1_000);
      await client.settled();
      connection.sweep(started + 4 * LONG_MS + 1);
      expect(await client.nextReset(1)).toBe(ErrorCode.cancel);
    } finally {
      now.mockRestore();
    }
  });

  it.each([
    ["says nothing", Buffer.alloc(0)],
    ["stops in the middle of its preface", PREFACE.subarray(0, 10)],
    ["stops after its preface", PREFACE],
    ["stops in the middle of its first settings", Buffer.concat([PREFACE, Buffer.of(0, 0, 6, 4, 0)])],
  ])("ends with a client that %s", async (_, bytes) => {
    const { client, connection, closings } = await startConnection(limits, "no greeting");
    client.write(bytes);
    await client.nextOf(FrameType.settings, 0);
    connection.sweep(later(LONG_MS / 2));
    expect(client.socket.destroyed).toBe(false);
    connection.sweep(later(LONG_MS + 1));
    await client.closed;
    await vi.waitFor(() => expect(closings()).toBe(1));
  });

  it("ends with a client that gives no sign of itself, asked once", async () => {
    const test = await startConnection({ keepaliveMs: LONG_MS, keepaliveTimeoutMs: 2 * LONG_MS });
    const { client, connection } = test;
    connection.sweep(later(LONG_MS / 2));
    for (let times = 1; times < 4; times++) connection.sweep(later(LONG_MS + times));
    await client.next(({ type, flags }) => type === ping && flags === 0);
    expect(client.frames.filter(({ type }) => type === ping)).toEqual([]);
    connection.sweep(later(2 * LONG_MS + 1));
    await client.closed;
    await vi.waitFor(() => expect(test.closings()).toBe(1));
  });

  it("begins anew with any sign of the client", async () => {
    const test = await startConnection({ keepaliveMs: LONG_MS, keepaliveTimeoutMs: LONG_MS });
    test.connection.sweep(later(LONG_MS + 1));
    await test.client.acknowledgePing();
    await test.client.settled();
    test.connection.sweep(later(LONG_MS - 1));
    test.client.request(1, "/echo", "here");
    expect((await test.client.answer(1)).body).toBe("here");
    expect(test.client.frames.filter(({ type }) => type === headers || type === ping)).toEqual([]);
  });
});
