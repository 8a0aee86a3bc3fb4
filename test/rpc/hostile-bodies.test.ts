import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { enveloped, httpRefusal, METHODS, post, type Refusal, refusal } from "./support.js";

const FIVE_MIB = 5 * 1024 * 1024;
const PATH = "/stationthis.economy.v1.EconomyService/Debit";
/** Bytes that are no protobuf message: a cut-off varint, a wire type that there is not, a length past the end. */
const GARBAGE = [
  [0xff, 0xff, 0xff],
  [0x0f, 0x01],
  [0x0a, 0x7f, 0x41],
].map((bytes) => Buffer.from(bytes));
/** 64 MiB of spaces in 64 KiB. */
const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, " "));

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp("sqlite");
});
afterAll(() => test.stop());

/** Whatever it was sent, the service is there and well afterwards. */
afterEach(async () => {
  expect((await fetch(`${test.app.httpUrl}/readyz`)).status).toBe(200);
  const { missingAccountIds } = await test.economy.batchGetBalances({ accountIds: ["nobody"] });
  expect(missingAccountIds).toEqual(["nobody"]);
});

describe("the gRPC port", () => {
  it.each(METHODS.map((method) => [method.name, method] as const))("%s refuses garbage", async (_, method) => {
    for (const garbage of GARBAGE) {
      const answer = await grpcPost(`/${method.parent.typeName}/${method.name}`, garbage);
      expect(answer).toMatchObject(unreadable(method.input.typeName));
    }
  });

  it("refuses a message of 5 MiB", async () => {
    expect(await grpcPost(PATH, Buffer.alloc(FIVE_MIB))).toMatchObject({ code: "ResourceExhausted" });
  });

  it("refuses a message that grows past 4 MiB when it is decompressed", async () => {
    const answer = await grpcPost(PATH, BOMB, { flags: 1, headers: { "grpc-encoding": "gzip" } });
    expect(answer).toMatchObject({ code: "ResourceExhausted" });
  });

  it("refuses what is no gzip, and a compression that it doesn't know", async () => {
    const cases = ["gzip", "zstd"].map((encoding) => ({ "grpc-encoding": encoding }));
    for (const headers of cases) {
      const { code } = await grpcPost(PATH, Buffer.from("no gzip"), { flags: 1, headers });
      expect(["Internal", "Unimplemented", "InvalidArgument"]).toContain(code);
    }
  });
});

describe("the HTTP port", () => {
  const proto = { "content-type": "application/proto" };
  const web = { "content-type": "application/grpc-web+proto" };
  const send = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    post(test.app.httpUrl, "Debit", typeof body === "string" ? body : new Uint8Array(body), headers);

  it.each(METHODS.map((method) => [method.name, method] as const))("%s refuses garbage", async (name, method) => {
    for (const garbage of GARBAGE) {
      const overConnect = await post(test.app.httpUrl, name, new Uint8Array(garbage), proto);
      expect(overConnect.status).toBe(400);
      expect(httpRefusal(overConnect)).toMatchObject(unreadable(method.input.typeName));
      const overWeb = await post(test.app.httpUrl, name, new Uint8Array(enveloped(garbage)), web);
      expect(webRefusal(overWeb.text)).toMatchObject(unreadable(method.input.typeName));
    }
  });

  it.each([
    ["nothing", ""],
    ["half an object", "{"],
    ["no value", '{"request_id":}'],
    ["a list", "[]"],
    ["null", "null"],
    ["a number", "5"],
    ["a text", '"x"'],
    ["two objects", "{}{}"],
    ["a comment", "{/**/}"],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["UTF-16", Buffer.from('{"request_id":"x"}', "utf16le")],
    ["a million open lists", "[".repeat(1_000_000)],
    ["a list in a list, 100,000 times", "[".repeat(100_000) + "]".repeat(100_000)],
    ["an object in an object, 100,000 times", `${'{"metadata":'.repeat(100_000)}1${"}".repeat(100_000)}`],
    ["objects where a text belongs", `{"request_id":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`],
  ])("refuses JSON that is no request: %s", async (_, body) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(httpRefusal(answer)).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
  });

  it("names all fields that can't be read, and a field that there is not", async () => {
    const body = { amount_usd_micros: "many", metadata: [], requestId: 5, amount: "5" };
    expect(httpRefusal(await send(JSON.stringify(body))).violations.map(({ field }) => field)).toEqual([
      "amount_usd_micros",
      "metadata",
      "request_id",
      "amount",
    ]);
  });

  it("sends little of a large value back", async () => {
    const body = JSON.stringify({ amount_usd_micros: "9".repeat(3_000_000) });
    for (const headers of [{}, { "accept-encoding": "identity" }]) {
      const answer = await send(body, headers);
      expect(httpRefusal(answer).violations.map(({ field }) => field)).toEqual(["amount_usd_micros"]);
      expect(answer.text.length).toBeLessThan(4_096);
    }
  });

  it("looks at the first hundred of very many fields that there are not", async () => {
    const unknown = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field-${index}`, index]));
    const { violations, message } = httpRefusal(await send(JSON.stringify(unknown)));
    expect(violations[0]?.field).toBe("field-0");
    expect(message).toMatch(/; and 95 more$/);
  });

  it.each([
    ["JSON", JSON.stringify({ description: "x".repeat(FIVE_MIB) }), {}],
    ["binary", Buffer.alloc(FIVE_MIB), proto],
    ["compressed", BOMB, { "content-encoding": "gzip" }],
    ["compressed binary", BOMB, { ...proto, "content-encoding": "gzip" }],
  ] as const)("refuses a message above 4 MiB: %s", async (_, body, headers) => {
    const answer = await send(body, headers);
    expect(answer.status).toBe(429);
    expect(httpRefusal(answer).code).toBe("ResourceExhausted");
  });

  it.each([
    ["plain", enveloped(Buffer.alloc(FIVE_MIB)), {}],
    ["compressed", enveloped(BOMB, 1), { "grpc-encoding": "gzip" }],
  ] as const)("refuses a gRPC-Web message above 4 MiB: %s", async (_, body, headers) => {
    expect(webRefusal((await send(body, { ...web, ...headers })).text)).toMatchObject({ code: "ResourceExhausted" });
  });

  it.each([
    ["a gRPC-Web message", web, enveloped(Buffer.alloc(FIVE_MIB)), 200],
    ["a message in JSON", { "content-type": "application/json" }, Buffer.alloc(FIVE_MIB, " "), 429],
    ["a message in binary", proto, Buffer.alloc(FIVE_MIB), 429],
    ["a text", { "content-type": "text/plain" }, Buffer.alloc(FIVE_MIB, " "), 415],
  ])("hears the next request on a connection where it refused %s unread", async (_, headers, body, status) => {
    const socket = connectTcp(Number(new URL(test.app.httpUrl).port), "127.0.0.1");
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    const fields = { host: "127.0.0.1", "transfer-encoding": "chunked", ...headers };
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST ${PATH} HTTP/1.1\r\n${head.join("")}\r\n${body.length.toString(16)}\r\n`);
    socket.write(body);
    socket.write("\r\n0\r\n\r\n");
    await vi.waitFor(() => expect(statuses()).toEqual([status]), 5_000);
    socket.write("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    await vi.waitFor(() => expect(statuses()).toEqual([status, 200]), 5_000);
    socket.destroy();
  });

  it("refuses a gRPC-Web message that ends too early", async () => {
    for (const body of [Buffer.alloc(0), Buffer.alloc(3), enveloped(Buffer.alloc(10)).subarray(0, 9)]) {
      expect(webRefusal((await send(body, web)).text).code).toMatch(/^(InvalidArgument|Unimplemented)$/);
    }
  });

  it.each(["text/xml", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "x"])(
    "refuses the content type %s",
    async (type) => {
      expect((await send("{}", { "content-type": type })).status).toBe(415);
    },
  );

  it.each([
    ["a compression that it doesn't know", { "content-encoding": "zstd" }, 501],
    ["what is no gzip", { "content-encoding": "gzip" }, 400],
    ["a time-out that is no number", { "connect-timeout-ms": "soon" }, 400],
    ["a time-out above a minute", { "connect-timeout-ms": "60001" }, 400],
  ])("refuses %s", async (_, headers, status) => {
    expect((await send("{}", headers as unknown as Record<string, string>)).status).toBe(status);
  });

  it("refuses other methods and paths", async () => {
    const statusOf = async (path: string, method: string) =>
      (await fetch(test.app.httpUrl + path, { method, headers: { "content-type": "application/json" } })).status;
    expect(await statusOf(PATH, "PUT")).toBe(405);
    expect(await statusOf(PATH, "DELETE")).toBe(405);
    expect(await statusOf(`${PATH}s`, "POST")).toBe(404);
    expect(await statusOf("/..%2f..%2fetc/passwd", "GET")).toBe(404);
  });
});

/** What is said of bytes that are no message. */
function unreadable(typeName: string): Partial<Refusal> {
  const violations = [{ field: "request", description: `is no readable ${typeName}` }];
  return { code: "InvalidArgument", reason: "INVALID_FIELDS", violations };
}

interface GrpcPost {
  readonly flags?: number;
  readonly headers?: Record<string, string>;
}

/** One gRPC call by hand, which is refused. */
async function grpcPost(path: string, message: Uint8Array, { flags, headers }: GrpcPost = {}): Promise<Refusal> {
  const session = connectHttp2(`http://${test.app.grpcAddress}`);
  try {
    return await new Promise((resolve, reject) => {
      const common = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
      const stream = session.request({ ...common, ...headers });
      const look = (received: Record<string, unknown>): void => {
        if (received["grpc-status"] !== undefined) resolve(trailerRefusal(new Map(Object.entries(received))));
      };
      stream.on("response", look);
      stream.on("trailers", look);
      stream.on("error", reject);
      stream.resume();
      stream.end(enveloped(message, flags));
    });
  } finally {
    session.destroy();
  }
}

/** The refusal in a gRPC-Web answer, which is all trailer. */
function webRefusal(text: string): Refusal {
  const lines = text.split("\n").map((line) => /([a-z-]+): (.*?)\r?$/.exec(line));
  return trailerRefusal(new Map(lines.flatMap((line) => (line ? [[line[1] as string, line[2]]] : []))));
}

function trailerRefusal(trailer: ReadonlyMap<string, unknown>): Refusal {
  const code = Number(trailer.get("grpc-status")) as Code;
  const bytes = trailer.get("grpc-status-details-bin");
  if (bytes === undefined) return refusal(code, decodeURIComponent(String(trailer.get("grpc-message"))), []);
  const { message, details } = fromBinary(StatusSchema, Buffer.from(String(bytes), "base64"));
  const read = details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").pop() ?? "", value }));
  return refusal(code, message, read);
}
