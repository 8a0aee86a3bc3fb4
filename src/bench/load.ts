/** Calls of one method for the load generator to make. It crosses a process boundary. */
export interface Load {
  /** "127.0.0.1:50051" */
  readonly target: string;
  /** "/package.Service/Method" */
  readonly path: string;
  /** Encoded request messages, one a call, each sent once. */
  readonly messages: readonly Uint8Array[];
  /** A closed loop: this many calls are in flight until none is left to start. */
  readonly inFlight: number;
  /** Connections that the calls in flight are spread over, as if from a few busy clients. Default: 4 */
  readonly connections?: number;
  /** Whether the encoded answers come back too, for a caller who wants to look into them. */
  readonly keepsAnswers: boolean;
}

/** What became of a load. */
export interface LoadReport {
  /** Calls that were answered, errors included. */
  readonly answered: number;
  /** From the first call's start to the last answer. */
  readonly seconds: number;
  /** Answered without an error, per second. */
  readonly callsPerSecond: number;
  /** Milliseconds from a call's start to its status, of answered calls. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers that were errors, by ErrorInfo reason, or "grpc-status N" where there is none. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that got no status: the connection broke, or nothing was answered for 30 s. */
  readonly dropped: number;
}

export interface LoadResult {
  readonly report: LoadReport;
  /** Encoded answers in the order of the messages; undefined where a call failed. Empty unless they were to be kept. */
  readonly answers: readonly (Uint8Array | undefined)[];
}

/** Calls that went wrong in any way. */
export function failuresOf(report: LoadReport): number {
  return Object.values(report.errors).reduce((sum, count) => sum + count, 0) + report.dropped;
}
