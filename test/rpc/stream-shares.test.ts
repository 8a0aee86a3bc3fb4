import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { pathOf } from "../../src/rpc/grpc-call.js";
import { type GrpcServer, mounted, startGrpcServer } from "../../src/rpc/grpc-server.js";

/** Longer than a connection stays in use after its last call, with a machine's worst day on top. */
const SOON = { timeout: 15_000, interval: 50 };
const EMPTY_MESSAGE = Buffer.alloc(5);

describe("calls in the service at once", () => {
  let server: GrpcServer;
  let sessions: ClientHttp2Session[] = [];
  beforeEach(async () => {
    const economy = mounted(EconomyService, { getBalance: () => ({}) } as never);
    server = await startGrpcServer("127.0.0.1:0", [economy], []);
  });
  afterEach(async () => {
    for (const session of sessions) session.destroy();
    sessions = [];
    await server.stop(1_000);
  });

  async function open(count: number): Promise<ClientHttp2Session[]> {
    const opened = Array.from({ length: count }, () => connect(`http://${server.address}`));
    sessions.push(...opened);
    await Promise.all(opened.map((session) => once(session, "remoteSettings")));
    return opened;
  }
  async function call(session: ClientHttp2Session): Promise<void> {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: pathOf(EconomyService.method.getBalance),
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
    });
    stream.resume().end(EMPTY_MESSAGE);
    await once(stream, "close");
  }
  const callAll = (all: readonly ClientHttp2Session[]) => Promise.all(all.map(call));
  const limits = () => sessions.map((session) => session.remoteSettings.maxConcurrentStreams);
  const allOf = (count: number, limit: number) => Array.from({ length: count }, () => limit);

  it("are 256 a connection for the first four", async () => {
    await callAll(await open(4));
    await callAll(sessions);
    expect(limits()).toEqual(allOf(4, 256));
  });

  it("are shared among the connections in use, so that all together bring in 1,024 at most", async () => {
    await callAll(await open(9));
    await vi.waitFor(() => expect(limits()).toEqual(allOf(9, 64)), SOON);
  });

  it("are still four for each of three hundred connections, and a new connection hears of it when it opens", async () => {
    await callAll(await open(300));
    await open(1);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(301, 4)), SOON);
  });

  it("aren't fewer for connections that are only open", async () => {
    await open(20);
    await callAll(sessions.slice(0, 4));
    expect(limits()).toEqual(allOf(20, 256));
  });

  it("are more again for those that go on when the others don't", async () => {
    const [first] = await open(9);
    await callAll(sessions);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(9, 64)), SOON);
    await vi.waitFor(async () => {
      await call(first as ClientHttp2Session);
      expect(limits()).toEqual(allOf(9, 256));
    }, SOON);
  });
});
