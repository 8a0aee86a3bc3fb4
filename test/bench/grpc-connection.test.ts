import { once } from "node:events";
import { constants, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Calls, framed, GrpcConnection } from "../../src/bench/grpc-connection.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";

/** Fewer than some of the tests want at once. */
const MOST_STREAMS = 8;
const LARGE_BYTES = 300_000;

const bytes = (value: Buffer): Buffer => value;
const kind = (path: string) => ({
  path,
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
type UnaryCall = ServerUnaryCall<Buffer, Buffer>;

let server: Server;
let target: string;
let cancelled: (() => void) | undefined;
const connections: GrpcConnection[] = [];

beforeAll(async () => {
  server = new Server({ "grpc.max_concurrent_streams": MOST_STREAMS });
  server.addService(
    { echo: kind("/test.Test/Echo"), refuse: kind("/test.Test/Refuse"), hang: kind("/test.Test/Hang") },
    {
      echo: ({ request }: UnaryCall, callback: sendUnaryData<Buffer>) => callback(null, request),
      refuse: ({ request }: UnaryCall, callback: sendUnaryData<Buffer>) => callback(refusal(request.toString())),
      hang: (call: UnaryCall) => call.on("cancelled", () => cancelled?.()),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  target = `127.0.0.1:${port}`;
});

afterEach(() => {
  for (const connection of connections.splice(0)) connection.destroy();
});

afterAll(() => server.forceShutdown());

async function connect(method: string, more: Partial<Calls> = {}): Promise<GrpcConnection> {
  const connection = await GrpcConnection.open({
    target,
    path: `/test.Test/${method}`,
    keepsMessages: true,
    ...more,
  });
  connections.push(connection);
  return connection;
}

/** With the reason in its details; without any if it is empty. */
function refusal(reason: string) {
  const metadata = new Metadata();
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: "test" }));
  const details = toBinary(StatusSchema, create(StatusSchema, { code: status.ABORTED, details: [info] }));
  if (reason !== "") metadata.set("grpc-status-details-bin", Buffer.from(details));
  return { code: status.ABORTED, details: `refused: ${reason}`, metadata };
}

it("each call gets its own answer, also those that have to wait because the service takes no more at once", async () => {
  const connection = await connect("Echo");
  const texts = Array.from({ length: 10 * MOST_STREAMS }, (_, index) => `call ${index}`);
  const answers = await Promise.all(texts.map((text) => connection.call(framed(Buffer.from(text)))));
  expect(answers.map(({ message }) => Buffer.from(message ?? []).toString())).toEqual(texts);
  expect(new Set(answers.map(({ error }) => error))).toEqual(new Set([""]));
});

it("messages larger than any window go out and come back whole, several at once", async () => {
  const connection = await connect("Echo");
  const messages = [1, 2, 3].map((byte) => Buffer.alloc(LARGE_BYTES, byte));
  const answers = await Promise.all(messages.map((message) => connection.call(framed(message))));
  expect(answers.map(({ message }) => Buffer.compare(message ?? Buffer.alloc(0), messages.shift() as Buffer))).toEqual([
    0, 0, 0,
  ]);
});

it("an error is told by the reason in its details, or by its status if there are none", async () => {
  const connection = await connect("Refuse");
  const reasons = ["INSUFFICIENT_FUNDS", "OVERLOADED", "", "OVERLOADED"];
  const answers = await Promise.all(reasons.map((reason) => connection.call(framed(Buffer.from(reason)))));
  expect(answers.map(({ error }) => error)).toEqual([
    "INSUFFICIENT_FUNDS",
    "OVERLOADED",
    `grpc-status ${status.ABORTED}`,
    "OVERLOADED",
  ]);
});

it("a method that isn't there is an error too, although its answer has no head", async () => {
  const connection = await connect("Nothing");
  await expect(connection.call(framed(Buffer.alloc(0)))).resolves.toMatchObject({
    error: `grpc-status ${status.UNIMPLEMENTED}`,
  });
});

it("a call is given up at its deadline, and the service hears of it", async () => {
  const heard = new Promise<void>((resolve) => {
    cancelled = resolve;
  });
  const connection = await connect("Hang", { deadlineMs: 50 });
  await expect(connection.call(framed(Buffer.alloc(0)))).resolves.toMatchObject({ error: undefined, isLate: true });
  await heard;
});

it("calls in flight on a connection that is cut end without a status, and later ones at once", async () => {
  const connection = await connect("Hang");
  const inFlight = connection.call(framed(Buffer.alloc(0)));
  connection.destroy();
  await expect(inFlight).resolves.toMatchObject({ error: undefined, message: undefined });
  await expect(connection.call(framed(Buffer.alloc(0)))).resolves.toMatchObject({ error: undefined });
});

it("a peer that isn't there, or ends the connection at once, is an error", async () => {
  const deaf = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(deaf, "listening");
  const { port } = deaf.address() as { port: number };
  await expect(connect("Echo", { target: `127.0.0.1:${port}` })).rejects.toThrow();
  deaf.close();
  await once(deaf, "close");
  await expect(connect("Echo", { target: `127.0.0.1:${port}` })).rejects.toThrow("ECONNREFUSED");
});

it("a call that is refused unread is sent once more, and no more than once", async () => {
  const heard = new Map<string, number>();
  const picky = createHttp2Server().on("stream", (stream, headers) => {
    const path = String(headers[":path"]);
    const times = (heard.get(path) ?? 0) + 1;
    heard.set(path, times);
    stream.on("error", () => {});
    if (path.endsWith("Never") || times === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else stream.respond({ ":status": 200, "grpc-status": "0" }, { endStream: true });
  });
  await once(picky.listen(0, "127.0.0.1"), "listening");
  const to = { target: `127.0.0.1:${(picky.address() as AddressInfo).port}` };
  const ask = async (method: string) => (await connect(method, to)).call(framed(Buffer.alloc(LARGE_BYTES)));
  expect(await ask("Later")).toMatchObject({ error: "" });
  expect(await ask("Never")).toMatchObject({ error: undefined });
  expect([...heard]).toEqual([
    ["/test.Test/Later", 2],
    ["/test.Test/Never", 2],
  ]);
  for (const connection of connections.splice(0)) connection.destroy();
  picky.close();
});
