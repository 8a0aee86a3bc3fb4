import type { Bench } from "../workload.js";

/** Clients at which pgbench is at its best on a small machine: one of the two. */
const CLIENTS = [8, 32];

/** pgbench's TPC-B transactions per second, at its better number of clients; undefined without pgbench. */
export async function bestTpcb({ pgbench, pgbenchSeconds }: Bench): Promise<number | undefined> {
  if (!pgbench) return undefined;
  let best = 0;
  for (const clients of CLIENTS) {
    const { transactionsPerSecond } = await pgbench.measure(clients, pgbenchSeconds);
    best = Math.max(best, transactionsPerSecond);
  }
  return best;
}
