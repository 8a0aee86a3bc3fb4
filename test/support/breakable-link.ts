import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";

/** A TCP link to a database server that can break and be mended. */
export class BreakableLink {
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** The database's URL, by way of this link. */
    readonly url: string,
    private readonly port: number,
  ) {}

  static async to(databaseUrl: string): Promise<BreakableLink> {
    const target = new URL(databaseUrl);
    const server = createServer();
    await listen(server, 0);
    const { port } = server.address() as AddressInfo;
    const through = new URL(databaseUrl);
    through.host = `127.0.0.1:${port}`;
    const link = new BreakableLink(server, through.href, port);
    server.on("connection", (near) => link.join(near, dial(Number(target.port), target.hostname)));
    return link;
  }

  /** Cuts all connections and refuses new ones. */
  async break(): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  /** Stops carrying anything over the connections that are open, and leaves them open: as if the other machine had vanished. */
  fallSilent(): void {
    for (const socket of this.open) socket.unpipe().pause();
  }

  async mend(): Promise<void> {
    await listen(this.server, this.port);
  }

  private join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.open.add(from);
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        this.open.delete(from);
        to.destroy();
      });
    }
  }
}

async function listen(server: Server, port: number): Promise<void> {
  const listening = once(server, "listening");
  server.listen(port, "127.0.0.1");
  await listening;
}
