/** Calls of one method at a pace of their own, whether or not earlier ones are answered, as from many clients who don't know of each other. It crosses a process boundary. */
export interface OpenLoad {
  /** "127.0.0.1:50051" */
  readonly target: string;
  /** "/package.Service/Method" */
  readonly path: string;
  /** Encoded request messages, one a call, each sent once or not at all; as many as the phases call for. */
  readonly messages: readonly Uint8Array[];
  /** One right after the other. */
  readonly phases: readonly Phase[];
  /** Sent with each call, and kept by the caller: a call not answered by then is given up. */
  readonly deadlineMs: number;
  /** Bound on what the generator holds: a call that would be one more is not sent. */
  readonly mostInFlight: number;
  /** Connections that the calls are spread over, as from as many clients. */
  readonly connections: number;
}

/** A time of even load. */
export interface Phase {
  readonly callsPerSecond: number;
  readonly seconds: number;
}

/** What became of each call, in the order of the messages. */
export interface OpenLoadResult {
  /** Milliseconds from the start of the load to when the call was sent; NaN if it wasn't. */
  readonly sentAtMs: Float64Array;
  /** Milliseconds from then to its end. */
  readonly tookMs: Float64Array;
  /** Index into `outcomes`. */
  readonly outcome: Uint8Array;
  /** UNSENT, SERVED, LATE, and others as they came up: ErrorInfo reasons, "grpc-status N", "no answer". */
  readonly outcomes: readonly string[];
}

/** Not sent: too much was in flight, or the generator itself was late. */
export const UNSENT = "unsent";
export const SERVED = "served";
/** Given up at its deadline. */
export const LATE = "late";

/** Calls of a phase, whole ones. */
export function callsIn({ callsPerSecond, seconds }: Phase): number {
  return Math.floor(callsPerSecond * seconds);
}
