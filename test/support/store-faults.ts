import { type LedgerStore, type LedgerTransaction, StoreError } from "../../src/storage/store.js";

/** A store whose transactions do some things differently. */
export function withTransactions(
  store: LedgerStore,
  change: (transaction: LedgerTransaction) => Partial<LedgerTransaction>,
): LedgerStore {
  return withTransact(store, (work) =>
    store.transact((transaction) => work({ ...committedApart(transaction), ...change(transaction) })),
  );
}

/** A store that runs its transactions some other way. */
export function withTransact(store: LedgerStore, transact: LedgerStore["transact"]): LedgerStore {
  return { transact, pacing: { ...store.pacing, transactionsAtOnce: 1 }, newestTime: () => store.newestTime() };
}

/** A store whose clock is set by hand, in microseconds since the epoch. */
export function withClock(store: LedgerStore, clock: { readonly now: bigint }): LedgerStore {
  return withTransactions(store, (transaction) => ({
    loadRequests: async (requests) => ({ ...(await transaction.loadRequests(requests)), clock: clock.now }),
  }));
}

/** The same transaction, in which no save is the last call: what a test does after it happens before the commit. */
export function committedApart(transaction: LedgerTransaction): LedgerTransaction {
  return {
    loadKeys: (keys) => transaction.loadKeys(keys),
    loadRequests: (requests) => transaction.loadRequests(requests),
    loadAccounts: (accountIds) => transaction.loadAccounts(accountIds),
    loadGrants: (accountIds, limit) => transaction.loadGrants(accountIds, limit),
    loadGrantsById: (grantIds) => transaction.loadGrantsById(grantIds),
    loadHolds: (holdIds) => transaction.loadHolds(holdIds),
    loadDue: (accountIds, now) => transaction.loadDue(accountIds, now),
    loadRefundables: (transactionIds) => transaction.loadRefundables(transactionIds),
    loadRewardPolicy: (time) => transaction.loadRewardPolicy(time),
    save: (changes) => transaction.save(changes),
  };
}

/** A store whose transactions wait until it is opened. */
export function gated(store: LedgerStore): { readonly store: LedgerStore; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = withTransact(store, async (work) => {
    await opened;
    return store.transact(work);
  });
  return { store: waiting, open };
}

/** A store that runs each transaction and then takes it back with this error, so many times. */
export function failing(store: LedgerStore, error: StoreError, times: number): LedgerStore {
  let left = times;
  return withTransact(store, (work) =>
    store.transact(async (transaction) => {
      const done = await work(committedApart(transaction));
      if (left-- > 0) throw error;
      return done;
    }),
  );
}

/** A store whose commits succeed while their answers are lost, so many times. */
export function losingAnswers(store: LedgerStore, times: number): LedgerStore {
  let left = times;
  return withTransact(store, async (work) => {
    const done = await store.transact(work);
    if (left-- > 0) throw new StoreError("UNAVAILABLE", "the connection broke after the COMMIT");
    return done;
  });
}
