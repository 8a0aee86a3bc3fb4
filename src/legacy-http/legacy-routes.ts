import { ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { PointsRate } from "../domain/points.js";
import { costPreviewRoute } from "./cost-preview.js";
import { creditRoute } from "./credit.js";
import { creditPointsRoute } from "./credit-points.js";
import { debitRoute } from "./debit.js";
import { economyRoutes } from "./economy.js";
import { errorEnvelope, fromService, invalidInput, LegacyError } from "./errors.js";
import { parseExactJson } from "./exact-json.js";
import { ratesRoute } from "./rates.js";
import type { EconomyClient, GenerationClient } from "./service-call.js";
import { spendRoute } from "./spend.js";
import { transactionRoutes } from "./transactions.js";

const PREFIX = "/internal/v1";
const MAX_BODY_BYTES = 64 * 1024;
const RETRY_AFTER_SECONDS = 1;

export interface LegacyOptions {
  readonly economy: EconomyClient;
  readonly generations: GenerationClient;
  readonly points: PointsRate;
  /** Whether a value of X-Internal-Client-Key is one of the service's API keys. */
  readonly isClientKey: (key: string) => boolean;
  /** Told of what is ours to mend, with the requestId that the caller got. */
  readonly onDefect: (error: unknown, requestId: string) => void;
}

/** The old internal HTTP paths (docs/legacy-http.md): HTTP in, RPCs out, no books of their own. */
export function legacyRoutes(server: FastifyInstance, options: LegacyOptions): void {
  server.register(
    async (scope) => {
      scope.addHook("onRequest", async ({ headers }) => requireClientKey(headers["x-internal-client-key"], options));
      readExactJson(scope);
      answerErrors(scope, options);
      costPreviewRoute(scope, options.generations);
      scope.register(async (data) => dataRoutes(data, options), { prefix: "/data" });
    },
    { prefix: PREFIX },
  );
}

function dataRoutes(scope: FastifyInstance, { economy, points }: LegacyOptions): void {
  economyRoutes(scope, economy);
  debitRoute(scope, economy);
  creditRoute(scope, economy);
  spendRoute(scope, economy, points);
  creditPointsRoute(scope, economy, points);
  transactionRoutes(scope, economy);
  ratesRoute(scope, points);
}

/** The body of an error that HTTP itself makes on these paths; undefined on any other. */
export function legacyErrorBody(request: FastifyRequest, status: number, message: string): object | undefined {
  const isOurs = request.url.startsWith(`${PREFIX}/`);
  return isOurs ? errorEnvelope(ofHttp(status, message), request.id) : undefined;
}

/** @throws LegacyError 401, 403 */
function requireClientKey(key: string | string[] | undefined, { isClientKey }: LegacyOptions): void {
  if (!key) throw new LegacyError(401, "MISSING_AUTH_HEADER", "X-Internal-Client-Key: is required");
  if (!isClientKey(String(key))) throw new LegacyError(403, "INVALID_API_KEY", "X-Internal-Client-Key: is no API key");
}

/** JSON only, with numbers as they were written. */
function readExactJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    "application/json",
    { parseAs: "string", bodyLimit: MAX_BODY_BYTES },
    async (_: FastifyRequest, text: string) => {
      // A GET may say that it is JSON and have no body.
      if (text === "") return undefined;
      try {
        return parseExactJson(text);
      } catch (error) {
        if (error instanceof SyntaxError)
          throw invalidInput([{ field: "body", message: "takes JSON of Unicode text, at most 32 levels deep" }]);
        throw error;
      }
    },
  );
}

function answerErrors(scope: FastifyInstance, { onDefect }: LegacyOptions): void {
  scope.setErrorHandler((error: unknown, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
    // The service has logged its own defects.
    if (refusal.status >= 500 && !(error instanceof ConnectError)) onDefect(error, request.id);
    return reply.code(refusal.status).send(errorEnvelope(refusal, request.id));
  });
}

function refusalOf(error: unknown): LegacyError {
  if (error instanceof LegacyError) return error;
  if (error instanceof ConnectError) return fromService(error);
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  return ofHttp(statusCode, message);
}

const HTTP_CODES: ReadonlyMap<number, string> = new Map([
  [400, "INVALID_INPUT"],
  [403, "FORBIDDEN"],
  [404, "NOT_FOUND"],
  [413, "BODY_TOO_LARGE"],
  [415, "UNSUPPORTED_MEDIA_TYPE"],
]);

/** What HTTP itself refuses; what is ours to mend says nothing of itself. */
function ofHttp(status: number, message: string): LegacyError {
  if (status >= 500) return new LegacyError(status, "INTERNAL_SERVER_ERROR", "something went wrong");
  return new LegacyError(status, HTTP_CODES.get(status) ?? "REFUSED", message);
}
