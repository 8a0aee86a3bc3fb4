import type { Http2Server } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/**
 * The HTTP/2 servers that grpc-js listens with. It has no public way to them, and neither calls that are served before it nor streams shared by all connections can be had otherwise.
 * @param server bound already, to at least one address
 * @throws Error if grpc-js has them elsewhere than where this looks
 */
export function http2ServersOf(server: Server): Http2Server[] {
  const { http2Servers } = server as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
  if (!http2Servers?.size) throw new Error("grpc-js keeps its HTTP/2 servers elsewhere: look for them in its Server");
  return [...http2Servers.keys()];
}
