/** What one connection may have of the service, and for how long. Announced to the client where HTTP/2 has a way to. */
export interface Limits {
  /** Calls that are open at once; what a client has beyond these waits with the client. */
  readonly mostStreams: number;
  /** Of all connections together. A call beyond that is refused unread, which clients of gRPC answer by sending it again. */
  readonly mostStreamsInAll: number;
  /** Of a request's headers: names and values, and 32 bytes for each (RFC 9113, 6.5.2). */
  readonly mostHeaderBytes: number;
  /** Bytes of a body that may come before anybody has taken them. */
  readonly streamWindowBytes: number;
  /** Bytes of bodies on the connection that nobody has taken yet. A call that brings in more is ended. */
  readonly mostHeldBytes: number;
  /** Bytes of answers that the client hasn't taken yet. While there are more, new calls are refused unread. */
  readonly mostUnsentBytes: number;
  /** Of the preface and the first settings, of a request's body, and of an answer that waits for the client to take more of it. */
  readonly patienceMs: number;
  /** Without a sign of the client for so long, it is asked for one. */
  readonly keepaliveMs: number;
  /** And has so long to give it. */
  readonly keepaliveTimeoutMs: number;
  /** Frames that cost something and bring nothing (pings, settings, resets, empty ones): so many at once, … */
  readonly mostIdleFrames: number;
  /** … and then so many a second. A client that sends more is sent away. */
  readonly idleFramesPerSecond: number;
}

export const DEFAULT_LIMITS: Limits = {
  mostStreams: 1_024,
  mostStreamsInAll: 16_384,
  mostHeaderBytes: 16 * 1_024,
  // One message of the largest size, so that no unary call has to be told to go on.
  streamWindowBytes: 4 * 1_024 * 1_024 + 64 * 1_024,
  mostHeldBytes: 32 * 1_024 * 1_024,
  mostUnsentBytes: 16 * 1_024 * 1_024,
  patienceMs: 60_000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  mostIdleFrames: 2_000,
  idleFramesPerSecond: 1_000,
};
