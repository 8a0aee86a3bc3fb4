import type { ServiceImpl } from "@connectrpc/connect";
import type { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { ServiceDependencies } from "../dependencies.js";
import { batchGetBalances, getBalance, listAccounts } from "./balances.js";
import { batchPost } from "./batch-post.js";
import { credit } from "./credit.js";
import { debit } from "./debit.js";
import { listCreditGrants } from "./grants.js";
import { captureHold, getHold, listHolds, placeHold, releaseHold } from "./holds.js";
import { importLegacyBalances } from "./import-legacy-balances.js";
import { refundTransaction } from "./refund-transaction.js";
import { getTransaction, listTransactions } from "./transactions.js";
import { transfer } from "./transfer.js";
import { verifyLedger } from "./verify-ledger.js";

/** Every RPC of EconomyService. Requests have been validated by the interceptors. */
export function economyService(dependencies: ServiceDependencies): ServiceImpl<typeof EconomyService> {
  return {
    getBalance: getBalance(dependencies),
    batchGetBalances: batchGetBalances(dependencies),
    debit: debit(dependencies),
    credit: credit(dependencies),
    transfer: transfer(dependencies),
    batchPost: batchPost(dependencies),
    refundTransaction: refundTransaction(dependencies),
    placeHold: placeHold(dependencies),
    captureHold: captureHold(dependencies),
    releaseHold: releaseHold(dependencies),
    getHold: getHold(dependencies),
    listHolds: listHolds(dependencies),
    listCreditGrants: listCreditGrants(dependencies),
    listAccounts: listAccounts(dependencies),
    importLegacyBalances: importLegacyBalances(dependencies),
    verifyLedger: verifyLedger(dependencies),
    getTransaction: getTransaction(dependencies),
    listTransactions: listTransactions(dependencies),
  };
}
