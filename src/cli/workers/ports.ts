import { createServer } from "node:net";
import { hostOf, portOf } from "../../rpc/loopback.js";

/**
 * The address that all workers, those started later too, are to listen on: port 0 becomes a free one. Were it left to them, a worker that starts when no other is alive would get another port.
 * @param listen HOST:PORT
 * @throws Error if it is taken
 */
export function reservePort(listen: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: hostOf(listen), port: portOf(listen) }, () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : portOf(listen);
      server.close(() => resolve(`${listen.slice(0, listen.lastIndexOf(":"))}:${port}`));
    });
  });
}
