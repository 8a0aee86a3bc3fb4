import { type HttpServer, listenOn, makeHttpServer } from "../rpc/http-server.js";
import { type WebhookOptions, webhookRoutes } from "./webhook-routes.js";

/** The bridge on its own, as a client of a service elsewhere. @param listen HOST:PORT; port 0 picks a free one */
export function startBridge(listen: string, options: WebhookOptions): Promise<HttpServer> {
  const server = makeHttpServer(listen, []);
  webhookRoutes(server, options);
  return listenOn(server, listen);
}
