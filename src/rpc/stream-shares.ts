import type { Http2Server, ServerHttp2Session } from "node:http2";

/** Calls that a connection may have in the service at once while few are in use. */
export const MOST_STREAMS_PER_CONNECTION = 256;
/** Enough for a health watch and some calls beside it, however many connections are in use. */
const LEAST_STREAMS_PER_CONNECTION = 4;
/** Calls of all connections together: four times what a crowd of 256 has in flight, and few enough that a turn of the event loop that gets all of them is over within a tenth of a second. */
const MOST_STREAMS = 1_024;
/** A connection without a new call in this time isn't in use. */
const IN_USE_MS = 1_000;

/**
 * Shares the calls that may be in the service at once among the connections that are in use, by telling each client how many streams it may have (RFC 9113, 5.1.2): what a client has beyond its share waits with
 * the client, where it costs the service nothing. A share falls as soon as one more connection makes a call, and grows again a second or two after some no longer do. Shares are powers of two, so that few
 * settings are sent, none at all to up to four connections.
 * @returns ends the sharing
 */
export function shareStreams(http2Servers: readonly Http2Server[]): () => void {
  const shares = new StreamShares();
  for (const http2Server of http2Servers) {
    http2Server.on("session", (session) => shares.open(session));
    http2Server.on("stream", ({ session }) => session && shares.use(session as ServerHttp2Session));
  }
  const timer = setInterval(() => shares.endPeriod(), IN_USE_MS).unref();
  return () => clearInterval(timer);
}

class StreamShares {
  private readonly sessions = new Set<ServerHttp2Session>();
  private inUse = new Set<ServerHttp2Session>();
  private share = MOST_STREAMS_PER_CONNECTION;

  open(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.once("close", () => this.sessions.delete(session));
    if (this.share < MOST_STREAMS_PER_CONNECTION) this.tell(session);
  }

  use(session: ServerHttp2Session): void {
    this.inUse.add(session);
    if (this.inUse.size * this.share > MOST_STREAMS) this.setShare();
  }

  /** Those in use are counted anew. */
  endPeriod(): void {
    this.setShare();
    this.inUse = new Set();
  }

  private setShare(): void {
    const even = 2 ** Math.floor(Math.log2(MOST_STREAMS / Math.max(1, this.inUse.size)));
    const share = Math.min(MOST_STREAMS_PER_CONNECTION, Math.max(LEAST_STREAMS_PER_CONNECTION, even));
    if (share === this.share) return;
    this.share = share;
    for (const session of this.sessions) this.tell(session);
  }

  private tell(session: ServerHttp2Session): void {
    if (!session.closed && !session.destroyed) session.settings({ maxConcurrentStreams: this.share });
  }
}
