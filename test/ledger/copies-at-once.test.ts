import { v7 as uuidv7 } from "uuid";
import { expect, it } from "vitest";
import { LedgerWriter } from "../../src/ledger/writer.js";
import { fresh, openedPair, untilBlocked } from "../conformance/support.js";
import {
  captureOf,
  creditOf,
  debitOf,
  generationOf,
  holdOf,
  refundOf,
  releaseOf,
  request,
  transferOf,
} from "../support/commands.js";
import { committedApart, withTransact } from "../support/store-faults.js";
import { describeStores } from "../support/stores.js";

/** Two copies of a request at two instances. The first has done everything but commit when the second comes: what the second finds under its locks would refuse it, were it another request. */
describeStores("a request that is repeated while its first copy commits", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  /** An account with 100, all of it in a hold or all of it free. */
  async function funded(): Promise<string> {
    const accountId = fresh("alice");
    await new LedgerWriter(pair.store).submit(creditOf({ accountId, amountUsdMicros: 100n }));
    return accountId;
  }

  async function held(): Promise<string> {
    const holdId = uuidv7();
    await new LedgerWriter(pair.store).submit(holdOf({ holdId, accountId: await funded(), amountUsdMicros: 100n }));
    return holdId;
  }

  async function spent(): Promise<string> {
    const transactionId = uuidv7();
    const debit = debitOf({ transactionId, accountId: await funded(), amountUsdMicros: 100n });
    await new LedgerWriter(pair.store).submit(debit);
    return transactionId;
  }

  const key = request;
  const commands = {
    "debit of everything": async () => {
      const call = { request: key(), accountId: await funded(), amountUsdMicros: 100n };
      return () => debitOf({ ...call, transactionId: uuidv7() });
    },
    "transfer of everything": async () => {
      const call = { request: key(), fromAccountId: await funded(), toAccountId: fresh("ben"), amountUsdMicros: 100n };
      return () => transferOf({ ...call, transactionId: uuidv7() });
    },
    "hold of everything": async () => {
      const call = { request: key(), accountId: await funded(), amountUsdMicros: 100n };
      return () => holdOf({ ...call, holdId: uuidv7() });
    },
    "capture of a hold": async () => {
      const call = { request: key(), holdId: await held(), amountUsdMicros: 100n };
      return () => captureOf({ ...call, transactionId: uuidv7() });
    },
    "release of a hold": async () => {
      const [holdId, once] = [await held(), key()];
      return () => releaseOf(holdId, once);
    },
    "full refund": async () => {
      const call = { request: key(), refundedTransactionId: await spent() };
      return () => refundOf({ ...call, transactionId: uuidv7() });
    },
    "credit of an outside payment": async () => {
      const call = { request: key(), accountId: await funded(), externalReference: fresh("payment") };
      return () => creditOf({ ...call, amountUsdMicros: 5n, transactionId: uuidv7() });
    },
    "generation of a run": async () => {
      const call = { request: key(), accountId: await funded(), runId: fresh("run") };
      return () => generationOf({ ...call, generationId: uuidv7() });
    },
  };

  it.each(Object.entries(commands))("as a %s, is answered with what that one did", async (_, prepare) => {
    const copy = await prepare();
    let commit = (): void => {};
    let applied = (): void => {};
    const isAllowed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const isApplied = new Promise<void>((resolve) => {
      applied = resolve;
    });
    const slow = withTransact(pair.store, (work) =>
      pair.store.transact(async (transaction) => {
        const done = await work(committedApart(transaction));
        applied();
        await isAllowed;
        return done;
      }),
    );
    const first = new LedgerWriter(slow).submit(copy() as never);
    await isApplied;
    const second = new LedgerWriter(pair.other).submit(copy() as never);
    await untilBlocked(pair.database);
    commit();
    expect(await first).toMatchObject({ kind: "done" });
    expect(await second).toMatchObject({ kind: "recorded", isReplay: true });
  });
});
