import { Code, ConnectError, type Interceptor, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { Logger } from "pino";
import { CALL, LOCAL_CALLER, NewCall, SUBMITTER } from "../services/call.js";
import { toConnectError } from "./status.js";
import { checkRequest } from "./validation/check.js";

/**
 * What every call passes through, on both transports, outermost first:
 * 1. request context: a correlation id, and who calls;
 * 2. measure: how long it took and with what code; at debug level a log line too, never with a message, a token or a URL;
 * 3. map errors: whatever is thrown becomes a row of the error table;
 * 4. give up: at the deadline, or when the caller goes, the call is answered whatever it waits for. What it has begun may still be committed;
 * 5. validate: every field of the request, all violations at once. Health and reflection have no tables; their own code checks them.
 */
export function interceptors(log: Logger, observer: CallObserver): Interceptor[] {
  return [requestContext, measure(log, observer), mapErrors(log), giveUp, validate];
}

/** Told of every call that was answered. */
export interface CallObserver {
  /** @param method "package.Service/Method" @param code OK, or the name of the code it was refused with */
  callDone(method: string, code: string, elapsedMs: number): void;
}

const requestContext: Interceptor = (next) => (request) => {
  request.contextValues.set(CALL, new NewCall(LOCAL_CALLER));
  return next(request);
};

function measure(log: Logger, observer: CallObserver): Interceptor {
  return (next) => async (request) => {
    const startedAt = performance.now();
    let code = "OK";
    try {
      return await next(request);
    } catch (error) {
      code = Code[ConnectError.from(error).code];
      throw error;
    } finally {
      const elapsedMs = Math.round((performance.now() - startedAt) * 1_000) / 1_000;
      const method = `${request.service.typeName}/${request.method.name}`;
      observer.callDone(method, code, elapsedMs);
      if (log.isLevelEnabled("debug")) {
        log.debug({ method, code, elapsedMs, correlationId: request.contextValues.get(CALL).correlationId }, "call");
      }
    }
  };
}

function mapErrors(log: Logger): Interceptor {
  return (next) =>
    async (request): Promise<UnaryResponse | StreamResponse> => {
      try {
        return await next(request);
      } catch (error) {
        const { correlationId } = request.contextValues.get(CALL);
        const mapped = toConnectError(error, correlationId);
        if (mapped.code === Code.Internal || mapped.code === Code.Unavailable) {
          log.error({ err: mapped.cause ?? error, method: request.method.name, correlationId }, "call failed");
        }
        throw mapped;
      }
    };
}

/** A plain call is answered at its deadline by itself (plain-call.ts); Connect only tells the handler. */
const giveUp: Interceptor = (next) => async (request) => {
  if (request.contextValues.get(SUBMITTER)) return next(request);
  const { signal } = request;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([next(request), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

const validate: Interceptor = (next) => (request) => {
  if (!request.stream && request.service.typeName.startsWith("stationthis.")) checkRequest(request.message);
  return next(request);
};
