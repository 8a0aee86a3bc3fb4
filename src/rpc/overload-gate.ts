import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

/** What `LedgerWriter` says of its queue. */
export interface WriterQueue {
  readonly hasRoom: boolean;
  enter(begin: () => void): boolean;
}

/**
 * Turns calls away before anything is done for them. A refusal from where the writer is would cost nearly what serving the call costs, and a service that is overloaded would do nothing else.
 * What is let in begins when the writer is about to need it.
 */
export interface OverloadGate {
  /** Whether a call of a method is to be refused as OVERLOADED. Asked for every call, at its headers. */
  refuses(method: DescMethod): boolean;
  /**
   * Asked for every call that wasn't refused, when all of its request is there.
   * @param begin called when the call is to begin: at once or later, if it is one that writes
   * @returns false if it is to be refused after all
   */
  enter(method: DescMethod, begin: () => void): boolean;
}

/**
 * Refuses what writes while the writer takes no more. Reads pass, health checks too.
 * @param onRefused told of each refusal
 */
export function writerGate(writer: WriterQueue, onRefused: (method: DescMethod) => void): OverloadGate {
  return {
    refuses(method) {
      if (writer.hasRoom || !isWrite(method)) return false;
      onRefused(method);
      return true;
    },
    enter(method, begin) {
      if (!isWrite(method)) begin();
      else if (!writer.enter(begin)) {
        onRefused(method);
        return false;
      }
      return true;
    },
  };
}

/** Whether a method is one of ours that changes anything. */
export function isWrite(method: DescMethod): boolean {
  const isOurs = method.parent.typeName.startsWith("stationthis.");
  return isOurs && method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}
