import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  EconomyService,
  GetBalanceRequestSchema,
  GetBalanceResponseSchema,
} from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { type GrpcServer, startGrpcServer } from "../../src/rpc/grpc-server.js";
import { mounted } from "../../src/rpc/mounted.js";
import { enveloped } from "./support.js";

const PATH = "/stationthis.economy.v1.EconomyService/GetBalance";
const REQUEST = enveloped(toBinary(GetBalanceRequestSchema, create(GetBalanceRequestSchema, { accountId: "alice" })));

/** What a caller that writes its own frames is answered: gRPC clients of any language would hide much of it. */
describe("a unary call", () => {
  let server: GrpcServer;
  let seen: string[] = [];
  let answer: (signal: AbortSignal) => Promise<void> = async () => {};
  beforeAll(async () => {
    const economy = mounted(EconomyService, {
      async getBalance({ accountId }: { accountId: string }, context: Context) {
        seen.push(accountId);
        context.responseHeader.set("x-first", "1");
        context.responseTrailer.set("x-last", "2");
        await answer(context.signal);
        return { balance: { accountId, availableUsdMicros: 7n } };
      },
    } as never);
    server = await startGrpcServer("127.0.0.1:0", [economy], []);
  });
  afterAll(() => server.stop(1_000));
  beforeEach(() => {
    seen = [];
    answer = async () => {};
  });

  it("is answered with header, message and trailer", async () => {
    const { header, trailer, body } = await call((stream) => stream.end(REQUEST));
    expect(header).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto", "x-first": "1" });
    expect(trailer).toMatchObject({ "grpc-status": "0", "x-last": "2" });
    const balance = { accountId: "alice", availableUsdMicros: 7n };
    expect(fromBinary(GetBalanceResponseSchema, body.subarray(5)).balance).toMatchObject(balance);
    expect(body).toEqual(enveloped(body.subarray(5)));
  });

  it("may come in pieces of one byte", async () => {
    const { trailer } = await call(async (stream) => {
      for (const byte of REQUEST) await new Promise((resolve) => stream.write(Buffer.of(byte), resolve));
      stream.end();
    });
    expect(trailer).toMatchObject({ "grpc-status": "0" });
    expect(seen).toEqual(["alice"]);
  });

  it.each([
    ["no message", Buffer.alloc(0), Code.Unimplemented],
    ["half a message", REQUEST.subarray(0, -1), Code.Unimplemented],
    ["half a prefix", REQUEST.subarray(0, 3), Code.Unimplemented],
    ["two messages", Buffer.concat([REQUEST, REQUEST]), Code.Unimplemented],
    ["a message that says that it is compressed", enveloped(REQUEST.subarray(5), 1), Code.Internal],
    ["a message that says that it has 4 GiB", Buffer.from([0, 255, 255, 255, 255, 1]), Code.ResourceExhausted],
  ])("is refused with %s, and no handler hears of it", async (_, body, code) => {
    const { header } = await call((stream) => stream.end(body));
    expect(Number(header["grpc-status"])).toBe(code);
    expect(seen).toEqual([]);
  });

  it("that is refused before it is there is told to send no more", async () => {
    const { header, resetCode } = await call((stream) => {
      stream.write(Buffer.from([0, 255, 255, 255, 255, 1]));
      stream.once("response", () => stream.write(Buffer.alloc(128 * 1_024)));
    });
    expect(Number(header["grpc-status"])).toBe(Code.ResourceExhausted);
    expect(resetCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it.each(["20m", "20000u", "20000000n"])(
    "is answered at its deadline, %s, and what serves it is told",
    async (timeout) => {
      let reason: unknown;
      answer = async (signal) => {
        reason = await abortOf(signal);
      };
      const { header } = await call((stream) => stream.end(REQUEST), { "grpc-timeout": timeout });
      expect(Number(header["grpc-status"])).toBe(Code.DeadlineExceeded);
      await vi.waitFor(() => expect(reason).toMatchObject({ code: Code.Canceled }));
    },
  );

  it("that never sends its message is answered at its deadline", async () => {
    const { header } = await call((stream) => stream.once("response", () => stream.end()), {
      "grpc-timeout": "20m",
    });
    expect(Number(header["grpc-status"])).toBe(Code.DeadlineExceeded);
    expect(seen).toEqual([]);
  });

  it.each(["99999999H", "600H", "99999M", "2600000S"])(
    "takes a deadline that no timer could wait for, %s",
    async (timeout) => {
      // Compressed ones are served by others.
      for (const encoding of ["identity", "gzip"]) {
        const headers = { "grpc-timeout": timeout, "grpc-encoding": encoding };
        const { trailer } = await call((stream) => stream.end(REQUEST), headers);
        expect(trailer).toMatchObject({ "grpc-status": "0" });
      }
    },
  );

  it("whose caller goes is told to what serves it", async () => {
    let isAborted = false;
    answer = async (signal) => {
      await abortOf(signal);
      isAborted = true;
    };
    await call(async (stream) => {
      stream.end(REQUEST);
      await vi.waitFor(() => expect(seen).toEqual(["alice"]));
      stream.close(constants.NGHTTP2_CANCEL);
    });
    await vi.waitFor(() => expect(isAborted).toBe(true));
  });

  it.each([
    ["a deadline that can't be read", { "grpc-timeout": "soon" }, Code.InvalidArgument],
    ["a compression that there is not", { "grpc-encoding": "zstd" }, Code.Unimplemented],
    ["a method that there is not", { ":path": `${PATH}s` }, Code.Unimplemented],
  ])("is refused for %s", async (_, headers, code) => {
    const body = enveloped(REQUEST.subarray(5), "grpc-encoding" in headers ? 1 : 0);
    const { header, trailer } = await call((stream) => stream.end(body), headers);
    expect(Number({ ...header, ...trailer }["grpc-status"])).toBe(code);
  });

  it("of another content type is refused by HTTP's own means", async () => {
    const { header } = await call((stream) => stream.end(REQUEST), { "content-type": "text/plain" });
    expect(header[":status"]).toBe(415);
  });

  interface Received {
    readonly header: IncomingHttpHeaders;
    readonly trailer: IncomingHttpHeaders;
    readonly body: Buffer;
    readonly resetCode: number | undefined;
  }

  /** One call on a connection of its own, until its stream is closed. */
  async function call(send: (stream: ClientHttp2Stream) => unknown, more: object = {}): Promise<Received> {
    const session = connect(`http://${server.address}`);
    try {
      const common = { ":method": "POST", ":path": PATH, "content-type": "application/grpc", te: "trailers" };
      const stream = session.request({ ...common, ...more });
      let [header, trailer]: IncomingHttpHeaders[] = [{}, {}];
      const chunks: Buffer[] = [];
      stream.on("response", (received) => {
        header = received;
      });
      stream.on("trailers", (received) => {
        trailer = received;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      const closed = new Promise((resolve) => stream.once("close", resolve));
      await send(stream);
      await closed;
      return { header, trailer, body: Buffer.concat(chunks), resetCode: stream.rstCode } as Received;
    } finally {
      session.destroy();
    }
  }
});

interface Context {
  readonly signal: AbortSignal;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}

/** Waits for it. @returns its reason */
function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
}
