import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect } from "vitest";
import { encodeHeaders } from "../../src/http2/hpack/encode-headers.js";
import { Http2Server, type Http2ServerOptions } from "../../src/http2/http2-server.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/http2/limits.js";
import { type RequestHandler, ServerConnection, type StreamHandler } from "../../src/http2/server-connection.js";
import type { ServerStream, StreamUser } from "../../src/http2/server-stream.js";
import { RawClient } from "./raw-client.js";

export const HEAD = encodeHeaders([[":status", "200"]]);
export const END = encodeHeaders([["grpc-status", "0"]]);
const REFUSAL = encodeHeaders([
  [":status", "200"],
  ["grpc-status", "8"],
]);

const servers = new Set<Http2Server | Server>();
const clients = new Set<RawClient>();

/** Whatever a test has opened is closed after it. */
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  clients.clear();
  for (const server of servers) {
    if (server instanceof Http2Server) await server.stop(0);
    else server.close();
  }
  servers.clear();
});

/** What a server has heard of its requests. */
export class Requests {
  /** Those that got a stream. */
  readonly all: ServedRequest[] = [];
  readonly onRequest: RequestHandler = ({ path }) => (path === "/refused" ? REFUSAL : this.onStream);
  private readonly onStream: StreamHandler = (stream) => {
    this.all.push(new ServedRequest(stream));
  };

  get last(): ServedRequest {
    return this.all.at(-1) as ServedRequest;
  }
}

/** Served by path: `/echo` answers with what it was sent, `/early` before it was sent anything, `/hold` takes nothing and never answers, `/wait` takes all and never answers; `/refused` gets no stream. */
export class ServedRequest implements StreamUser {
  private readonly chunks: Buffer[] = [];
  isWhole = false;
  /** How many times it was told so. */
  closings = 0;

  constructor(readonly stream: ServerStream) {
    stream.serve(this);
    stream.expectsAll = true;
    if (stream.headers.path === "/early") stream.respond(REFUSAL, true);
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  received(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    if (this.stream.headers.path !== "/hold") this.stream.taken(chunk.length);
  }

  receivedAll(): void {
    this.isWhole = true;
    if (this.stream.headers.path === "/echo") this.answer(this.body);
  }

  closed(): void {
    this.closings++;
  }

  answer(body: Uint8Array): void {
    this.stream.respond(HEAD, false);
    this.stream.send(body);
    this.stream.end(END);
  }
}

export interface TestServer {
  readonly server: Http2Server;
  readonly requests: Requests;
  /** A client that has greeted it. */
  open(settings?: Readonly<Record<number, number>>): Promise<RawClient>;
  /** One that hasn't. */
  connect(): Promise<RawClient>;
}

export async function startServer(
  limits: Partial<Limits> = {},
  more: Partial<Http2ServerOptions> = {},
): Promise<TestServer> {
  const requests = new Requests();
  const { onRequest } = requests;
  const all = { ...DEFAULT_LIMITS, ...limits };
  const server = await Http2Server.listen({ host: "127.0.0.1", port: 0, onRequest, limits: all, ...more });
  servers.add(server);
  return {
    server,
    requests,
    open: async (settings) => kept(await RawClient.open(server.port, settings)),
    connect: async () => kept(await RawClient.connect(server.port)),
  };
}

/** The server's side of one connection, to look at, and its client. */
export interface TestConnection {
  readonly connection: ServerConnection;
  readonly client: RawClient;
  readonly requests: Requests;
  /** What all connections of its server share. */
  readonly load: { readonly streams: number };
  /** How many times its server was told that it is over. */
  closings(): number;
}

export async function startConnection(
  limits: Partial<Limits> = {},
  settings: Readonly<Record<number, number>> | "no greeting" = {},
): Promise<TestConnection> {
  const requests = new Requests();
  const load = { streams: 0 };
  let closings = 0;
  const server = createServer();
  servers.add(server);
  const accepted = new Promise<ServerConnection>((resolve) => {
    server.once("connection", (socket) => {
      const onClosed = (): void => {
        closings++;
      };
      resolve(new ServerConnection(socket, { ...DEFAULT_LIMITS, ...limits }, load, requests.onRequest, onClosed));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client = kept(await (settings === "no greeting" ? RawClient.connect(port) : RawClient.open(port, settings)));
  const connection = await accepted;
  if (settings !== "no greeting") await client.settled();
  return { connection, client, requests, load, closings: () => closings };
}

/** Nothing that came or is to go is counted any more. */
export function expectNothingKept({ connection }: TestConnection): void {
  expect([connection.heldBytes, connection.unsentBytes]).toEqual([0, 0]);
}

function kept(client: RawClient): RawClient {
  clients.add(client);
  return client;
}
