import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe } from "vitest";
import { clientsOver, type Served, startTestApp } from "./app.js";
import { randomFrom } from "./random.js";
import { makeDatabase } from "./stores.js";
import { type ServingWorkers, startWorkers } from "./workers.js";

/** Each stays with its worker. */
const CONNECTIONS = 8;

/** Declares the same tests for a service in this process, on every backend, and for two processes behind one pair of ports. */
export function describeServed(name: string, tests: (start: () => Promise<Served>) => void): void {
  const ways: [where: string, start: () => Promise<Served>][] = [
    ["on sqlite", () => startTestApp("sqlite")],
    ["on postgres", () => startTestApp("postgres")],
    ["on postgres with two workers", startTestWorkers],
  ];
  describe.each(ways)(`${name} %s`, (_, start) => tests(start));
}

/** Two workers on a Postgres of their own, with clients whose calls come over several connections. */
async function startTestWorkers(): Promise<Served> {
  const database = await makeDatabase("postgres");
  const service = await startWorkers(database.url, "--workers", "2", "--log-level", "warn").catch(async (error) => {
    await database.destroy();
    throw error;
  });
  const transports = Array.from({ length: CONNECTIONS }, () =>
    createGrpcTransport({ baseUrl: `http://${service.grpcAddress}` }),
  );
  const stop = async (): Promise<void> => {
    service.process.child.kill("SIGTERM");
    const code = await service.process.exit;
    await database.destroy();
    if (code !== 0) throw new Error(`the workers ended with ${code}:\n${service.process.said()}`);
  };
  try {
    await connectToAll(service, transports);
  } catch (error) {
    await stop();
    throw error;
  }
  return { database, ...clientsOver(anyOf(transports)), stop };
}

/** @throws Error if they don't reach all of the workers */
async function connectToAll(service: ServingWorkers, transports: readonly Transport[]): Promise<void> {
  await Promise.all(transports.map((each) => clientsOver(each).economy.batchGetBalances({ accountIds: ["nobody"] })));
  const reached = await service.workersThatServed("BatchGetBalances");
  if (reached.length < 2) throw new Error(`all connections went to worker ${reached}`);
}

/** Each call goes over one of them by chance: in turn, the copies of many calls could all follow theirs to the same worker. */
function anyOf(transports: readonly Transport[]): Transport {
  const random = randomFrom(1);
  const next = () => transports[Math.floor(random() * transports.length)] as Transport;
  return {
    unary: (...call) => next().unary(...call),
    stream: (...call) => next().stream(...call),
  };
}
