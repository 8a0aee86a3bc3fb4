import { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { accountIds, credit, drawn } from "../accounts.js";
import { EMPTY_CALL_PATH, startEmptyServer } from "../empty-call.js";
import type { Workload } from "../workload.js";

const ACCOUNTS = accountIds("user", 5_000);
const CREDIT_USD_MICROS = 1_000_000n;

/** Balances read all over 5,000 accounts, against calls in which nothing is done. */
export const GET_BALANCE: Workload = {
  name: "get-balance",
  store: "postgres",
  referenceName: "an empty grpc-js call",
  figure: "callsPerSecond",
  goal: { floor: 0.5, target: 0.7, isBetter: "higher" },
  calls: 10_000,
  async prepare({ caller, resources }) {
    await credit(caller, ACCOUNTS, CREDIT_USD_MICROS);
    const empty = resources.add(await startEmptyServer());
    await caller.measureEmpty(empty.target, EMPTY_CALL_PATH, 10_000);
    return {
      run: (calls) => {
        const requests = Array.from({ length: calls }, (_, index) => ({ accountId: drawn(ACCOUNTS, index) }));
        return caller.measure(EconomyService.method.getBalance, requests);
      },
      reference: async (calls) => {
        const { callsPerSecond } = await caller.measureEmpty(empty.target, EMPTY_CALL_PATH, calls);
        return callsPerSecond;
      },
    };
  },
};
