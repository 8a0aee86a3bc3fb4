import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** Connections that were opened together don't all come back together. */
const JITTER = 0.1;

/**
 * Ends HTTP/1.1 connections of a certain age with an answer: it says `connection: close`, so the client sends nothing more on it and no request is cut off. One that is idle at that age is left to the keep-alive
 * timeout, or to its next request.
 * @param maxAgeMs milliseconds, ±10 %
 */
export function letOldConnectionsGo(server: FastifyInstance, maxAgeMs: number): void {
  const oldAt = new WeakMap<Socket, number>();
  server.server.on("connection", (socket) => {
    oldAt.set(socket, performance.now() + maxAgeMs * (1 - JITTER + Math.random() * 2 * JITTER));
  });
  server.addHook("onRequest", async (request, reply) => {
    const at = oldAt.get(request.raw.socket);
    if (at !== undefined && performance.now() >= at) reply.header("connection", "close");
  });
}
