import cluster from "node:cluster";
import type { Config } from "../../config.js";
import { SETTINGS } from "../../config.js";
import { openStore } from "../../storage/open.js";
import { makeLog } from "../log.js";
import { endOnSignals, makeEnding } from "../stopping.js";
import { reservePort } from "./ports.js";
import { WorkerPool } from "./worker-pool.js";

/**
 * Serves with several processes of this program behind one pair of ports. This one, the primary, answers no call: it takes connections and hands them to the workers in turn, and keeps the workers alive.
 * @param environment settings for the workers besides this process's environment
 * @param sayReady told once, when all workers serve
 * @throws Error when the workers can't be kept alive; they are stopped by then. It settles in no other way
 */
export async function serveWithWorkers(
  config: Config,
  environment: Readonly<Record<string, string>>,
  sayReady: (grpcAddress: string, httpUrl: string) => void,
): Promise<void> {
  const log = makeLog(config.logLevel);
  // What would keep every worker from starting is said here, once: a store that can't be reached, an address that is taken.
  await migrate(config.databaseUrl);
  const listen = {
    [SETTINGS.grpcListen.environment]: await reservePort(config.grpcListen),
    [SETTINGS.httpListen.environment]: await reservePort(config.httpListen),
  };
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ args: ["serve"], serialization: "advanced" });
  const pool = new WorkerPool(config.workers, { ...environment, ...listen }, log);
  endOnSignals(
    makeEnding(
      log,
      () => pool.stop(),
      () => pool.kill(),
    ),
  );
  const { grpcAddress, httpUrl } = await Promise.race([pool.start(), pool.failed]);
  sayReady(grpcAddress, httpUrl);
  await pool.failed;
}

async function migrate(databaseUrl: string): Promise<void> {
  const store = openStore(databaseUrl);
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
}
