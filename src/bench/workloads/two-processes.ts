import { Caller, CONNECTIONS_PER_PROCESS, IN_FLIGHT } from "../caller.js";
import { LoadClient } from "../load-client.js";
import { startService } from "../service-process.js";
import type { Workload } from "../workload.js";
import { ACCOUNTS, DEBIT_ON_POSTGRES, debits } from "./debit.js";

const PROCESSES = 2;
const WARM_UP_CALLS = 4_000;

/**
 * The same debits against two worker processes behind one port, as they are served, against one process on the same database: what a second process adds, or what the two cost each other in the store.
 * Both get the same calls over as many connections. On a machine of two cores, Postgres and the load generator want the second core too.
 */
export const DEBIT_TWO_PROCESSES: Workload = {
  ...DEBIT_ON_POSTGRES,
  name: "debit-two-processes",
  referenceName: "one process on the same Postgres",
  goal: { floor: 0.9, target: 1.2, isBetter: "higher" },
  workers: PROCESSES,
  async prepare(bench) {
    const { run } = await DEBIT_ON_POSTGRES.prepare(bench);
    const alone = bench.resources.add(await startService(bench.databaseUrl, undefined));
    const client = bench.resources.add(LoadClient.start());
    const caller = new Caller(client, alone.grpcAddress, PROCESSES * CONNECTIONS_PER_PROCESS);
    await debits(caller, ACCOUNTS, WARM_UP_CALLS, IN_FLIGHT);
    return {
      run,
      reference: async (calls) => (await debits(caller, ACCOUNTS, calls, IN_FLIGHT)).callsPerSecond,
    };
  },
};
