import type { EpochMicros } from "../domain/time.js";
import type { LedgerStore } from "../storage/store.js";

/** A clock that only moves when it is set. */
export interface HandSetClock {
  now: EpochMicros;
}

/** The same store, whose transactions are dated by this clock. Only a store that the demo throws away is ever dated by hand. */
export function datedBy(clock: HandSetClock, store: LedgerStore): LedgerStore {
  return {
    pacing: store.pacing,
    newestTime: () => store.newestTime(),
    transact: (work) =>
      store.transact((transaction) =>
        work({
          loadKeys: (keys) => transaction.loadKeys(keys),
          loadRequests: async (requests) => ({ ...(await transaction.loadRequests(requests)), clock: clock.now }),
          loadAccounts: (accountIds) => transaction.loadAccounts(accountIds),
          loadGrants: (accountIds, limit) => transaction.loadGrants(accountIds, limit),
          loadGrantsById: (grantIds) => transaction.loadGrantsById(grantIds),
          loadHolds: (holdIds) => transaction.loadHolds(holdIds),
          loadDue: (accountIds, now) => transaction.loadDue(accountIds, now),
          loadRefundables: (transactionIds) => transaction.loadRefundables(transactionIds),
          loadRewardPolicy: (time) => transaction.loadRewardPolicy(time),
          save: (changes, isLast) => transaction.save(changes, isLast),
        }),
      ),
  };
}
