import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

/**
 * Turns calls away before anything is done for them. A refusal from where the writer is would cost nearly what serving the call costs, and a service that is overloaded would do nothing else.
 */
export interface OverloadGate {
  /** Whether a call of a method is to be refused as OVERLOADED. Asked for every call. */
  refuses(method: DescMethod): boolean;
}

/**
 * Refuses what writes while the writer takes no more. Reads pass, health checks too.
 * @param takesMore whether the writer does, asked for each call that writes
 * @param onRefused told of each refusal
 */
export function writerGate(takesMore: () => boolean, onRefused: (method: DescMethod) => void): OverloadGate {
  return {
    refuses(method) {
      if (takesMore() || !isWrite(method)) return false;
      onRefused(method);
      return true;
    },
  };
}

/** Whether a method is one of ours that changes anything. */
export function isWrite(method: DescMethod): boolean {
  const isOurs = method.parent.typeName.startsWith("stationthis.");
  return isOurs && method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}
