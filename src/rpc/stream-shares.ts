import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** Calls that a connection may have in the service at once while they are not too many in all. */
export const MOST_STREAMS_PER_CONNECTION = 256;
/** Enough for a health watch and some calls beside it, however many connections are in use. */
const LEAST_STREAMS_PER_CONNECTION = 4;
/** Calls of all connections together: four times what a crowd of 256 has in flight, and few enough that a turn of the event loop that gets all of them is over within a tenth of a second. */
const MOST_STREAMS = 1_024;
/** As few at the most, throughout a period, as say that the crowd has gone. */
const FEW_STREAMS = MOST_STREAMS / 2;
/** A connection without a new call in this time isn't in use. */
const IN_USE_MS = 1_000;

/**
 * Shares the calls that may be in the service at once among the connections that are in use, once there are too many, by telling each client how many streams it may have (RFC 9113, 5.1.2): what a client has
 * beyond its share waits with the client, where it costs the service nothing. Shares fall as soon as too many calls are open, and grow again a second or two after few are. They are powers of two, so that few
 * settings are sent.
 *
 * Not before there are too many: a call that crosses the news of a smaller share is refused unread (REFUSED_STREAM), which gRPC's own clients answer by sending it again, and others by failing it.
 * @returns ends the sharing
 */
export function shareStreams(http2Servers: readonly Http2Server[]): () => void {
  const shares = new StreamShares();
  for (const http2Server of http2Servers) {
    http2Server.on("session", (session) => shares.open(session));
    http2Server.on("stream", (stream) => shares.use(stream));
  }
  const timer = setInterval(() => shares.endPeriod(), IN_USE_MS).unref();
  return () => clearInterval(timer);
}

class StreamShares {
  private readonly sessions = new Set<ServerHttp2Session>();
  private inUse = new Set<ServerHttp2Session>();
  private share = MOST_STREAMS_PER_CONNECTION;
  private openStreams = 0;
  /** In this period. */
  private mostOpenStreams = 0;

  open(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.once("close", () => this.sessions.delete(session));
    if (this.isShared) this.tell(session);
  }

  use(stream: ServerHttp2Stream): void {
    this.openStreams++;
    this.mostOpenStreams = Math.max(this.mostOpenStreams, this.openStreams);
    stream.once("close", () => this.openStreams--);
    if (stream.session) this.inUse.add(stream.session as ServerHttp2Session);
    if (this.isShared || this.openStreams > MOST_STREAMS) this.fall();
  }

  /** Those in use are counted anew. */
  endPeriod(): void {
    if (this.mostOpenStreams <= FEW_STREAMS) this.setShare(MOST_STREAMS_PER_CONNECTION);
    this.inUse = new Set();
    this.mostOpenStreams = this.openStreams;
  }

  private get isShared(): boolean {
    return this.share < MOST_STREAMS_PER_CONNECTION;
  }

  private fall(): void {
    if (this.inUse.size * this.share <= MOST_STREAMS) return;
    const even = 2 ** Math.floor(Math.log2(MOST_STREAMS / this.inUse.size));
    this.setShare(Math.max(LEAST_STREAMS_PER_CONNECTION, even));
  }

  private setShare(share: number): void {
    if (share === this.share) return;
    this.share = share;
    for (const session of this.sessions) this.tell(session);
  }

  private tell(session: ServerHttp2Session): void {
    if (!session.closed && !session.destroyed) session.settings({ maxConcurrentStreams: this.share });
  }
}
