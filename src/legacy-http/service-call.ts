import type { CallOptions, Client } from "@connectrpc/connect";
import type { FastifyReply } from "fastify";
import type { EconomyService } from "../gen/stationthis/economy/v1/economy_service_pb.js";
import type { GenerationService } from "../gen/stationthis/generation/v1/generation_service_pb.js";

/** EconomyService in this process: the very handlers that gRPC calls, behind the same interceptors. */
export type EconomyClient = Client<typeof EconomyService>;

/** GenerationService, likewise. */
export type GenerationClient = Client<typeof GenerationService>;

/** Longest that a call of these paths may take. */
const MAX_CALL_MS = 30_000;

/** Options of a read. */
export const READ: CallOptions = { timeoutMs: MAX_CALL_MS };

/** Options of a write, which pass on whether the answer is one to an earlier call. */
export function writing(reply: FastifyReply): CallOptions {
  return {
    timeoutMs: MAX_CALL_MS,
    onHeader(headers) {
      const replayed = headers.get("idempotent-replayed");
      if (replayed !== null) reply.header("idempotent-replayed", replayed);
    },
  };
}
