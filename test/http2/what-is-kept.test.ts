import { describe, expect, it, vi } from "vitest";
import { ErrorCode, FrameType } from "../../src/http2/frames.js";
import { END, expectNothingKept, startConnection, type TestConnection } from "./test-server.js";

const { data } = FrameType;
const LARGE = Buffer.alloc(200_000);
const FIRST_WINDOW = 65_535;

describe("what is kept for a stream", () => {
  it.each<[string, (test: TestConnection) => unknown]>([
    ["is answered before it is whole", ({ requests }) => requests.last.stream.respond(END, true)],
    ["is reset by the client", ({ client }) => client.reset(1, ErrorCode.cancel)],
    ["is reset by the service", ({ requests }) => requests.last.stream.reset(ErrorCode.internalError)],
    ["loses its connection", ({ client }) => client.socket.resetAndDestroy()],
    ["has a client that ends the connection in good order", ({ client }) => client.socket.end()],
    ["has a connection that is refused", ({ client }) => client.frame(FrameType.ping, 0, 0, "short")],
    ["has a connection that is destroyed", ({ connection }) => connection.destroy()],
  ])("is dropped when it %s, and whoever serves it is told once", async (_, end) => {
    const test = await startConnection();
    test.client.request(1, "/hold");
    test.client.frame(data, 0, 1, Buffer.alloc(1_000));
    await test.client.settled();
    expect(test.connection.heldBytes).toBe(1_000);
    end(test);
    await vi.waitFor(() => expect(test.requests.last.closings).toBe(1));
    expectNothingKept(test);
  });

  it.each<[string, (test: TestConnection) => unknown]>([
    ["by the client", ({ client }) => client.reset(1, ErrorCode.cancel)],
    ["by the service", ({ requests }) => requests.last.stream.reset(ErrorCode.internalError)],
    ["with its connection", ({ client }) => client.socket.resetAndDestroy()],
  ])("is dropped when it is reset %s in the middle of its answer", async (_, end) => {
    const test = await startConnection();
    test.client.request(1, "/wait", "");
    await test.client.settled();
    test.requests.last.answer(LARGE);
    await test.client.nextData(1, FIRST_WINDOW);
    expect(test.connection.unsentBytes).toBe(LARGE.length - FIRST_WINDOW);
    end(test);
    await vi.waitFor(() => expect(test.requests.last.closings).toBe(1));
    expectNothingKept(test);
    // What comes too late is nobody's.
    test.requests.last.answer(LARGE);
    test.requests.last.stream.taken(10);
    expectNothingKept(test);
    expect(test.requests.last.closings).toBe(1);
  });

  it("has an end, as does its connection, of which the server is told once", async () => {
    const test = await startConnection();
    test.client.frame(FrameType.ping, 0, 0, "short");
    await test.client.closed;
    await vi.waitFor(() => expect(test.closings()).toBe(1));
    test.connection.destroy();
    test.connection.drain();
    test.connection.sweep(Number.MAX_SAFE_INTEGER);
    expect(test.closings()).toBe(1);
  });

  it("isn't added to while too much of the connection's answers waits: new requests are refused unread", async () => {
    const test = await startConnection({ mostUnsentBytes: 1_000 });
    const { client, requests } = test;
    client.request(1, "/wait", "");
    await client.settled();
    requests.last.answer(LARGE);
    client.request(3, "/echo", "three");
    expect(await client.nextReset(3)).toBe(ErrorCode.refusedStream);
    client.widen(0, LARGE.length);
    client.widen(1, LARGE.length);
    client.request(5, "/echo", "five");
    expect((await client.answer(5)).body).toBe("five");
    expect(requests.all).toHaveLength(2);
  });
});
