import { randomUUID } from "node:crypto";
import type { Interceptor } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { letOldConnectionsGo } from "./connection-age.js";
import { hostOf, isLoopback, portOf } from "./loopback.js";
import type { Mounted } from "./mounted.js";
import type { Readiness } from "./readiness.js";
import { JSON_OPTIONS, refusingUnreadable } from "./unreadable.js";

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_CALL_MS = 60_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface HttpServerOptions {
  /** HOST:PORT; port 0 picks a free one. */
  readonly listen: string;
  readonly services: readonly Mounted[];
  readonly interceptors: readonly Interceptor[];
  readonly readiness: Readiness;
  /** Routes beside the RPCs: the webhook bridge. */
  readonly routes: (server: FastifyInstance) => void;
  /** Host names that requests may carry besides loopback's, where it listens on loopback. */
  readonly publicHosts: readonly string[];
  /** Bodies of errors on paths that have a shape of their own. Default: none has. */
  readonly errorBody?: ErrorBody;
  /** Milliseconds, ±10 %, after which the next answer on a connection is its last. Default: never */
  readonly maxConnectionAgeMs?: number;
}

/** The body of an error that HTTP itself makes (404, 413...); undefined where the path has no shape of its own. */
export type ErrorBody = (request: FastifyRequest, status: number, message: string) => object | undefined;

export interface HttpServer {
  /** "http://127.0.0.1:8080" */
  readonly url: string;
  stop(deadlineMs: number): Promise<void>;
}

/** Serves Connect, gRPC-Web and JSON, the bridge's routes, `/healthz` (the process) and `/readyz` (the store). */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = makeHttpServer(options.listen, options.publicHosts, options.errorBody);
  if (options.maxConnectionAgeMs !== undefined) letOldConnectionsGo(server, options.maxConnectionAgeMs);
  server.get("/readyz", async (_, reply) => {
    const problem = await options.readiness.problem();
    return problem ? reply.code(503).send({ status: "not ready", problem }) : { status: "ready" };
  });
  options.routes(server);
  await server.register(fastifyConnectPlugin, {
    interceptors: [...options.interceptors],
    readMaxBytes: MAX_MESSAGE_BYTES,
    maxTimeoutMs: MAX_CALL_MS,
    jsonOptions: JSON_OPTIONS,
    routes(router) {
      for (const { service, implementation } of options.services) router.service(service, implementation);
      router.handlers.splice(0, router.handlers.length, ...router.handlers.map(refusingUnreadable));
    },
  });
  return listenOn(server, options.listen);
}

/** An HTTP server with its bounds, its errors in one shape, and `/healthz`. @param listen HOST:PORT, which decides whose Host headers it answers */
export function makeHttpServer(
  listen: string,
  publicHosts: readonly string[],
  errorBody: ErrorBody = () => undefined,
): FastifyInstance {
  const refuse: Refuse = (request, reply, status, message) =>
    reply.code(status).send(errorBody(request, status, message) ?? { error: message });
  const server = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => refuse(request, reply, error.statusCode ?? 400, error.message),
    bodyLimit: MAX_MESSAGE_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: "idle",
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: 200 },
  });
  // Fastify reads it beside JSON; nothing here takes it.
  server.removeContentTypeParser("text/plain");
  if (isLoopback(hostOf(listen))) guardHost(server, publicHosts, refuse);
  answerErrors(server, refuse);
  server.get("/healthz", () => ({ status: "ok" }));
  return server;
}

/** Starts listening. @param listen HOST:PORT; port 0 picks a free one */
export async function listenOn(server: FastifyInstance, listen: string): Promise<HttpServer> {
  const url = await server.listen({ host: hostOf(listen), port: portOf(listen) });
  return {
    url,
    async stop(deadlineMs) {
      const timer = setTimeout(() => server.server.closeAllConnections(), deadlineMs);
      await server.close();
      clearTimeout(timer);
    },
  };
}

type Refuse = (request: FastifyRequest, reply: FastifyReply, status: number, message: string) => FastifyReply;

/** A page in a browser may reach loopback under a name of its own (DNS rebinding): only loopback's names and the public URL's are answered. */
function guardHost(server: FastifyInstance, publicHosts: readonly string[], refuse: Refuse): void {
  server.addHook("onRequest", async (request, reply) => {
    const host = request.hostname.replace(/^\[|\]$/g, "").replace(/]?:\d+$/, "");
    if (isLoopback(host) || publicHosts.includes(host)) return;
    await refuse(request, reply, 403, "Host: this listens on loopback and answers to loopback names only");
  });
}

/** Errors of HTTP itself (400, 413, 415...) in one shape; what is ours to mend says nothing of itself. */
function answerErrors(server: FastifyInstance, refuse: Refuse): void {
  const answerNotFound = (request: FastifyRequest, reply: FastifyReply) =>
    refuse(request, reply, 404, "there is nothing here");
  server.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    // A body is read before its path is found to lead nowhere.
    if (request.is404) return answerNotFound(request, reply);
    const status = error.statusCode ?? 500;
    return refuse(request, reply, status, status < 500 ? error.message : "something went wrong");
  });
  server.setNotFoundHandler(answerNotFound);
}
