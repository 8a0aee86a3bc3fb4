import type { DescMethod } from "@bufbuild/protobuf";
import { Code, createConnectRouter, type Interceptor } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { Http2Server } from "../http2/http2-server.js";
import type { RequestHeaders } from "../http2/request-headers.js";
import type { StreamHandler } from "../http2/server-connection.js";
import { serveGenerally } from "./general-call.js";
import { pathOf } from "./grpc-call.js";
import { hostOf, portOf } from "./loopback.js";
import type { Mounted } from "./mounted.js";
import type { OverloadGate } from "./overload-gate.js";
import { isPlain, OVERLOADED, PlainCall, refusalBlock } from "./plain-call.js";
import { said } from "./refusal.js";
import { type UnaryHandler, unaryRunner } from "./unary-runner.js";
import { JSON_OPTIONS } from "./unreadable.js";

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Answers below this aren't compressed, even for callers that would like them to be. */
const LEAST_COMPRESSED_BYTES = 1_024;

export interface GrpcServer {
  /** As it can be dialled: "127.0.0.1:50051". */
  readonly address: string;
  /** Takes no new calls and resolves when those in flight are answered; what is left at the deadline is cut off. */
  stop(deadlineMs: number): Promise<void>;
}

export interface GrpcServerOptions {
  /** Asked before anything is done for a call, and again before it begins. */
  readonly gate?: OverloadGate;
  /** Milliseconds, ±10 %, after which a connection takes no more calls and ends with its last. Default: none */
  readonly maxConnectionAgeMs?: number;
}

/** A method as it is served. */
interface Served {
  readonly method: DescMethod;
  /** Its plain calls; undefined if its calls are streams. */
  readonly servePlain: StreamHandler | undefined;
  /** All others. */
  readonly serve: StreamHandler;
}

/**
 * Serves gRPC.
 * @param listen HOST:PORT; port 0 picks a free one
 */
export async function startGrpcServer(
  listen: string,
  services: readonly Mounted[],
  interceptors: readonly Interceptor[],
  { gate, maxConnectionAgeMs }: GrpcServerOptions = {},
): Promise<GrpcServer> {
  const byPath = new Map(served(services, interceptors, gate).map((each) => [pathOf(each.method), each]));
  const onRequest = (headers: RequestHeaders): StreamHandler | Uint8Array => {
    const found = byPath.get(headers.path);
    if (!found) {
      return refusalBlock(said(Code.Unimplemented, `there is no method ${headers.path.slice(0, 200)} here`));
    }
    if (gate?.refuses(found.method)) return OVERLOADED;
    return found.servePlain && isPlain(headers) ? found.servePlain : found.serve;
  };
  const server = await Http2Server.listen({
    host: hostOf(listen),
    port: portOf(listen),
    onRequest,
    maxConnectionAgeMs,
  });
  return {
    address: `${listen.slice(0, listen.lastIndexOf(":"))}:${server.port}`,
    stop: (deadlineMs) => server.stop(deadlineMs),
  };
}

function served(
  services: readonly Mounted[],
  interceptors: readonly Interceptor[],
  gate: OverloadGate | undefined,
): Served[] {
  const router = createConnectRouter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    interceptors: [...interceptors],
    acceptCompression: [compressionGzip, compressionBrotli],
    compressMinBytes: LEAST_COMPRESSED_BYTES,
    readMaxBytes: MAX_MESSAGE_BYTES,
    jsonOptions: JSON_OPTIONS,
  });
  const implementations = new Map(services.map(({ service, implementation }) => [service, implementation]));
  for (const { service, implementation } of services) router.service(service, implementation);
  return router.handlers.map((handler) => {
    const { method } = handler;
    const serve: StreamHandler = (stream) => void serveGenerally(stream, handler);
    if (method.methodKind !== "unary") return { method, servePlain: undefined, serve };
    const implementation = implementations.get(method.parent) as Record<string, unknown>;
    const run = unaryRunner(method, implementation[method.localName] as UnaryHandler, interceptors);
    const servePlain: StreamHandler = (stream) => PlainCall.serve(stream, method, run, MAX_MESSAGE_BYTES, gate);
    return { method, servePlain, serve };
  });
}
