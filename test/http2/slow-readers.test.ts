import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { FrameType, PREFACE } from "../../src/http2/frames.js";
import { DEFAULT_LIMITS } from "../../src/http2/limits.js";
import { ServerConnection } from "../../src/http2/server-connection.js";
import { Peer } from "./peer.js";
import { framesOf } from "./raw-client.js";
import { Requests } from "./test-server.js";

const MIB = 2 ** 20;
const PING = framesOf((writer) => writer.frame(FrameType.ping, 0, 0, Buffer.alloc(8)));
const PINGS = Buffer.alloc(1_000 * PING.length, PING);

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a client that sends and doesn't read", () => {
  it("isn't heard while a megabyte waits for it, and is when it has read that", async () => {
    const peer = new Peer();
    const limits = { ...DEFAULT_LIMITS, mostIdleFrames: Number.MAX_SAFE_INTEGER };
    const connection = new ServerConnection(
      peer as unknown as Socket,
      limits,
      { streams: 0 },
      new Requests().onRequest,
      () => {},
    );
    peer.push(Buffer.concat([PREFACE, framesOf((writer) => writer.settings({}))]));
    await nextTurn();
    let sentBytes = 0;
    for (let times = 0; times < 1_000 && !peer.isPaused(); times++) {
      peer.push(PINGS);
      sentBytes += PINGS.length;
      await nextTurn();
      await nextTurn();
    }
    expect(peer.isPaused()).toBe(true);
    expect(connection.isFull).toBe(true);
    for (let times = 0; times < 10; times++) peer.push(PINGS);
    await nextTurn();
    await nextTurn();
    expect(peer.writableLength).toBeLessThan(1.1 * MIB);
    peer.startReading();
    await nextTurn();
    await nextTurn();
    await nextTurn();
    expect(peer.isPaused()).toBe(false);
    expect(connection.isFull).toBe(false);
    // All pings are answered, also those that had to wait.
    expect(peer.writtenBytes).toBeGreaterThanOrEqual(sentBytes + 10 * PINGS.length);
    peer.destroy();
  });
});
