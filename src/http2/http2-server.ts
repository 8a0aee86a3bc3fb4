import { type AddressInfo, createServer, type Socket } from "node:net";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { type RequestHandler, ServerConnection } from "./server-connection.js";

/** How often connections are looked at for what has taken too long. */
const SWEEP_MS = 1_000;
/** Each takes some memory and a look a second, whatever it is used for. */
const MOST_CONNECTIONS = 10_000;
/** Connections that were opened together aren't told to go together. */
const AGE_JITTER = 0.1;

export interface Http2ServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly onRequest: RequestHandler;
  readonly limits?: Limits;
  /** Milliseconds, ±10 %, after which a connection takes no more calls and ends with its last. Default: none */
  readonly maxConnectionAgeMs?: number | undefined;
}

/** An HTTP/2 server over plain TCP (RFC 9113, 3.3) that does what gRPC asks of one, and nothing else: no upgrades, no pushes, no priorities (docs/decisions/0036). */
export class Http2Server {
  private readonly connections = new Set<ServerConnection>();
  private readonly server = createServer((socket) => this.accept(socket));
  private readonly sweeping: NodeJS.Timeout;
  private readonly load = { streams: 0 };
  private isStopping = false;

  private constructor(private readonly options: Http2ServerOptions) {
    this.server.maxConnections = MOST_CONNECTIONS;
    this.sweeping = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** @throws if it can't listen there */
  static async listen(options: Http2ServerOptions): Promise<Http2Server> {
    const server = new Http2Server(options);
    await server.listen();
    return server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no new calls and resolves when those in flight are answered; what is left at the deadline is cut off. */
  async stop(deadlineMs: number): Promise<void> {
    this.isStopping = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.connections) connection.drain();
    const timer = setTimeout(() => {
      for (const connection of this.connections) connection.destroy();
    }, deadlineMs);
    await closed;
    clearTimeout(timer);
    clearInterval(this.sweeping);
  }

  private listen(): Promise<void> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      this.server.once("error", (error) => {
        clearInterval(this.sweeping);
        reject(error);
      });
      this.server.listen({ host, port }, () => {
        // A connection that couldn't be accepted is its client's to try again.
        this.server.removeAllListeners("error").on("error", () => {});
        resolve();
      });
    });
  }

  private accept(socket: Socket): void {
    // It was on its way when the service stopped listening.
    if (this.isStopping) {
      socket.destroy();
      return;
    }
    const { limits = DEFAULT_LIMITS, onRequest, maxConnectionAgeMs } = this.options;
    const connection: ServerConnection = new ServerConnection(socket, limits, this.load, onRequest, () => {
      this.connections.delete(connection);
      clearTimeout(old);
    });
    this.connections.add(connection);
    const old =
      maxConnectionAgeMs === undefined
        ? undefined
        : setTimeout(() => connection.drain(), maxConnectionAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * Math.random()));
    old?.unref();
  }

  private sweep(): void {
    const now = performance.now();
    for (const connection of this.connections) connection.sweep(now);
  }
}
