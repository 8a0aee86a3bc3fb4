import type { DescMethod } from "@bufbuild/protobuf";
import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { TollgateError } from "../domain/errors.js";
import { pathOf } from "./grpc-call.js";
import { toStatus } from "./grpc-status.js";
import type { OverloadGate } from "./overload-gate.js";

/** A call that has its answer: nothing is read of it, and no handler hears of it. */
class RefusedCall extends ServerInterceptingCall {
  override start(): void {}
}

/**
 * Refuses calls as soon as their headers are there, before grpc-js reads or decodes anything: a third less than a refusal from a handler takes, and under overload there are several for each call that is served.
 * @param methods all that the gate is asked about
 */
export function refusing(gate: OverloadGate, methods: readonly DescMethod[]): ServerInterceptor {
  const methodOf = new Map(methods.map((method) => [pathOf(method), method]));
  // Made once: it says the same each time.
  const overloaded = toStatus(TollgateError.of("OVERLOADED", {}));
  return ({ path }, call) => {
    const method = methodOf.get(path);
    if (!method || !gate.refuses(method)) return call as ServerInterceptingCall;
    call.sendStatus(overloaded);
    return new RefusedCall(call);
  };
}
