import type { ServiceImpl } from "@connectrpc/connect";
import type { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { ServiceDependencies } from "../dependencies.js";
import { batchGetBalances, getBalance } from "./balances.js";
import { credit } from "./credit.js";
import { debit } from "./debit.js";
import { getTransaction, listTransactions } from "./transactions.js";

/** Every RPC of EconomyService. Requests have been validated by the interceptors. */
export function economyService(dependencies: ServiceDependencies): ServiceImpl<typeof EconomyService> {
  return {
    getBalance: getBalance(dependencies),
    batchGetBalances: batchGetBalances(dependencies),
    debit: debit(dependencies),
    credit: credit(dependencies),
    getTransaction: getTransaction(dependencies),
    listTransactions: listTransactions(dependencies),
  };
}
