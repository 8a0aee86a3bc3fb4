import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { pathOf } from "../../src/rpc/grpc-call.js";
import { type GrpcServer, startGrpcServer } from "../../src/rpc/grpc-server.js";
import { mounted } from "../../src/rpc/mounted.js";

/** Longer than a connection stays in use after its last call, with a machine's worst day on top. */
const SOON = { timeout: 15_000, interval: 50 };
const EMPTY_MESSAGE = Buffer.alloc(5);

describe("calls in the service at once", () => {
  let server: GrpcServer;
  let sessions: ClientHttp2Session[] = [];
  /** Lets the calls that are held be answered. */
  let release: () => void;
  beforeEach(async () => {
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const economy = mounted(EconomyService, {
      getBalance: () => ({}),
      listTransactions: () => released.then(() => ({})),
    } as never);
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
  function begin(session: ClientHttp2Session, method: DescMethod): ClientHttp2Stream {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: pathOf(method),
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
    });
    stream.on("error", () => {});
    return stream.resume().end(EMPTY_MESSAGE);
  }
  async function call(session: ClientHttp2Session): Promise<number> {
    const stream = begin(session, EconomyService.method.getBalance);
    await once(stream, "close");
    return stream.rstCode;
  }
  const callAll = (all: readonly ClientHttp2Session[]) => Promise.all(all.map(call));
  function hold(all: readonly ClientHttp2Session[], callsEach: number): void {
    for (const session of all) {
      for (let calls = 0; calls < callsEach; calls++) begin(session, EconomyService.method.listTransactions);
    }
  }
  const limits = () => sessions.map((session) => session.remoteSettings.maxConcurrentStreams);
  const allOf = (count: number, limit: number) => Array.from({ length: count }, () => limit);

  it("are up to 256 a connection, however many are in use, while they aren't more than 1,024 in all", async () => {
    hold((await open(20)).slice(0, 4), 250);
    expect(await callAll(sessions.slice(4))).toEqual(allOf(16, constants.NGHTTP2_NO_ERROR));
    expect(limits()).toEqual(allOf(20, 256));
  });

  it("are shared among the connections in use once they are more", async () => {
    hold(await open(9), 128);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(9, 64)), SOON);
  });

  it("are still four for each of three hundred connections, and a new connection hears of it when it opens", async () => {
    hold(await open(300), 4);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(300, 4)), SOON);
    await open(1);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(301, 4)), SOON);
  });

  it("aren't fewer for connections that are only open beside them", async () => {
    const opened = await open(20);
    hold(opened.slice(0, 5), 220);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(20, 128)), SOON);
  });

  it("are as many as before again when few are left", async () => {
    hold(await open(9), 128);
    await vi.waitFor(() => expect(limits()).toEqual(allOf(9, 64)), SOON);
    release();
    await vi.waitFor(() => expect(limits()).toEqual(allOf(9, 256)), SOON);
    expect(await callAll(sessions)).toEqual(allOf(9, constants.NGHTTP2_NO_ERROR));
  });
});
