import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { takePlainCalls } from "./fast-path.js";
import { mountService } from "./grpc-adapter.js";
import { http2ServersOf } from "./grpc-internals.js";
import type { Mounted } from "./mounted.js";
import type { OverloadGate } from "./overload-gate.js";
import { MOST_STREAMS_PER_CONNECTION, shareStreams } from "./stream-shares.js";
import type { UnaryRunner } from "./unary-runner.js";

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const KEEPALIVE_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;

export interface GrpcServer {
  /** As it can be dialled: "127.0.0.1:50051". */
  readonly address: string;
  /** Takes no new calls and resolves when those in flight are answered; what is left at the deadline is cut off. */
  stop(deadlineMs: number): Promise<void>;
}

export interface GrpcServerOptions {
  /** Asked before anything is done for a call. */
  readonly gate?: OverloadGate;
  /** Milliseconds, ±10 %, after which a connection takes no more calls and ends with its last. Default: none */
  readonly maxConnectionAgeMs?: number;
  /** Runs plain calls of a method in the place of its own implementation; undefined where that is to do it. */
  readonly runnerOf?: (method: DescMethod) => UnaryRunner | undefined;
}

/**
 * Serves gRPC.
 * @param listen HOST:PORT; port 0 picks a free one
 */
export async function startGrpcServer(
  listen: string,
  services: readonly Mounted[],
  interceptors: readonly Interceptor[],
  { gate, maxConnectionAgeMs, runnerOf = () => undefined }: GrpcServerOptions = {},
): Promise<GrpcServer> {
  const server = new Server({
    // grpc-js adds the jitter. There is no grace option: its end would cut calls off. A stream that stays, such as a health watch, keeps the connection it is on and nothing else.
    ...(maxConnectionAgeMs !== undefined && { "grpc.max_connection_age_ms": maxConnectionAgeMs }),
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_concurrent_streams": MOST_STREAMS_PER_CONNECTION,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    // Statistics of grpc-js's own, kept for every call and read by nobody.
    "grpc.enable_channelz": 0,
  });
  const mounted = services.flatMap(({ service, implementation }) =>
    mountService(server, service, implementation, interceptors),
  );
  const methods = mounted.map(({ method, run }) => ({ method, run: run && (runnerOf(method) ?? run) }));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const http2Servers = http2ServersOf(server);
  for (const http2Server of http2Servers) {
    takePlainCalls(http2Server, { methods, gate, maxMessageBytes: MAX_MESSAGE_BYTES });
  }
  const endSharing = shareStreams(http2Servers);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(":"))}:${port}`,
    stop: (deadlineMs) =>
      new Promise((resolve) => {
        endSharing();
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, deadlineMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}
