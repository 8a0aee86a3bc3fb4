import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { parseEvent } from "./comfydeploy-event.js";
import { type Delivery, deliverEvent, type GenerationClient } from "./deliver-event.js";
import { WEBHOOK_PATH, type WebhookTokens } from "./webhook-token.js";

const MAX_BODY_BYTES = 1024 * 1024;
const RETRY_AFTER_SECONDS = 1;

/** What the bridge counts, for the log and the tests. */
export type WebhookResult = Delivery | "conflict" | "refused";

export interface WebhookOptions {
  readonly generations: GenerationClient;
  readonly tokens: WebhookTokens;
  /** Told of each webhook that was answered; never with its URL or body. */
  readonly onResult?: (result: WebhookResult, generationId: string) => void;
}

/**
 * `POST` and `GET /webhooks/comfydeploy/{token}`. The provider sends its second and third attempts as GET with a body, so both are taken. 200 means that the call has committed;
 * the provider can do nothing about a duplicate, a conflict or a payment failure, so these are 200 as well.
 */
export function webhookRoutes(server: FastifyInstance, options: WebhookOptions): void {
  server.addHttpMethod("GET", { hasBody: true, overrideExisting: true });
  server.register(async (scope) => addRoutes(scope, options));
}

function addRoutes(scope: FastifyInstance, options: WebhookOptions): void {
  scope.route<{ Params: { token: string } }>({
    method: ["POST", "GET"],
    url: `${WEBHOOK_PATH}/:token`,
    exposeHeadRoute: false,
    bodyLimit: MAX_BODY_BYTES,
    handler: (request, reply) => answer(request, reply, options),
  });
  scope.route({
    method: ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    url: `${WEBHOOK_PATH}/:token`,
    handler: (_, reply) => reply.code(405).header("allow", "POST, GET").send(problem("this takes POST or GET")),
  });
}

async function answer(
  request: FastifyRequest<{ Params: { token: string } }>,
  reply: FastifyReply,
  { generations, tokens, onResult }: WebhookOptions,
): Promise<FastifyReply> {
  const generationId = tokens.generationOf(request.params.token);
  if (generationId === undefined) return reply.code(403).send(problem("this webhook URL was not made here"));
  const parsed = parseEvent(request.body);
  if ("problems" in parsed) {
    return reply.code(400).send({ ...problem("the body can't be taken"), fields: parsed.problems });
  }
  try {
    const result = await deliverEvent(generations, generationId, parsed.event);
    onResult?.(result, generationId);
    return reply.code(200).send({ result });
  } catch (error) {
    return refuse(reply, ConnectError.from(error), (result) => onResult?.(result, generationId));
  }
}

function refuse(reply: FastifyReply, error: ConnectError, onResult: (result: WebhookResult) => void): FastifyReply {
  const [info] = error.findDetails(ErrorInfoSchema);
  switch (info?.reason) {
    case "GENERATION_ALREADY_FINAL":
      onResult("conflict");
      return reply.code(200).send({ result: "conflict" });
    case "GENERATION_NOT_FOUND":
      return reply.code(404).send(problem("there is no such generation"));
    case "RUN_ALREADY_ATTACHED":
    case "RUN_ID_IN_USE":
      return reply.code(409).send(problem("run_id: this webhook URL belongs to another run"));
  }
  if (
    error.code === Code.Unavailable ||
    error.code === Code.ResourceExhausted ||
    error.code === Code.DeadlineExceeded
  ) {
    return reply.code(503).header("retry-after", RETRY_AFTER_SECONDS).send(problem("try again shortly"));
  }
  onResult("refused");
  const isTheirs = error.code === Code.InvalidArgument || error.code === Code.OutOfRange;
  return reply.code(isTheirs ? 400 : 500).send(problem(isTheirs ? error.rawMessage : "something went wrong"));
}

function problem(message: string): { error: string } {
  return { error: message };
}
