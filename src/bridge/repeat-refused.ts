import { ConnectError, type Interceptor } from "@connectrpc/connect";

/** One new connection is enough, unless that one is told to go at once too. */
const MOST_REPEATS = 2;

/**
 * Makes a call again that the service has refused unread, as HTTP/2 says it may be. A service that ends a connection does that to calls which cross its word; other gRPC clients repeat them by themselves, Connect for
 * Node (2.1) doesn't.
 */
export const repeatRefused: Interceptor = (next) => async (request) => {
  for (let repeats = 0; ; repeats++) {
    try {
      return await next(request);
    } catch (error) {
      if (request.stream || repeats === MOST_REPEATS || !isRefusedUnread(error)) throw error;
    }
  }
};

/** Node's own error and Connect's, which name it alike. */
function isRefusedUnread(error: unknown): boolean {
  return ConnectError.from(error).rawMessage.includes("REFUSED_STREAM");
}
