import { describe, expect, it } from "vitest";
import type { Grant } from "../../src/domain/ledger/rows.js";
import type { GrantsInTransaction } from "../../src/storage/grants-in-transaction.js";
import { KnownGrants } from "../../src/storage/known-grants.js";
import { accountRow, grantRow, NO_CHANGES } from "../conformance/rows.js";

const LIMIT = 3;
const head = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

/** An account with this head, what the database has of it, and how often that was read. */
function stored(accountId: string, chainHead: Uint8Array, grants: readonly Grant[]) {
  const account = accountRow(accountId, { chainHead });
  const reads: (readonly string[])[] = [];
  const load = (transaction: GrantsInTransaction, limit = LIMIT): Promise<Grant[]> => {
    void transaction.locking(Promise.resolve([account]));
    return transaction.load([accountId], limit, async (accountIds) => {
      reads.push(accountIds);
      return grants.map((grant) => ({ ...grant }));
    });
  };
  return { account, reads, load };
}

describe("grants that are known to be stored", () => {
  const open = grantRow("ann", { remainingUsdMicros: 70n });
  const unburned = () => stored("ann", head(1), [open]);

  /** Reads ann's grants at her first head, burns 30 of the open one, saves and commits. */
  async function burn(known: KnownGrants): Promise<void> {
    const transaction = known.inTransaction();
    const [grant] = (await unburned().load(transaction)) as [Grant];
    grant.remainingUsdMicros -= 30n;
    transaction.saving({
      ...NO_CHANGES,
      changedAccounts: [accountRow("ann", { chainHead: head(2) })],
      changedGrants: [grant],
    });
    transaction.committed();
  }

  it("aren't read again, while the account's chain has the head that they were saved under", async () => {
    const known = new KnownGrants();
    await burn(known);
    const { load, reads } = stored("ann", head(2), []);
    expect(await load(known.inTransaction())).toEqual([{ ...open, remainingUsdMicros: 40n }]);
    expect(reads).toEqual([]);
  });

  it("are read again, after the locks, where somebody else has added to the chain", async () => {
    const known = new KnownGrants();
    await burn(known);
    const newer = { ...open, remainingUsdMicros: 5n };
    const { load, reads } = stored("ann", head(3), [newer]);
    const transaction = known.inTransaction();
    expect(await load(transaction)).toEqual([newer]);
    expect(reads).toEqual([["ann"]]);
    transaction.saving({ ...NO_CHANGES, changedAccounts: [accountRow("ann", { chainHead: head(4) })] });
    transaction.committed();
    // Without waiting for the locks once more, only to find the same.
    const again = stored("ann", head(4), [newer]);
    const asked = again.load(known.inTransaction());
    expect(again.reads).toEqual([["ann"]]);
    await asked;
  });

  it("are those of committed transactions: what failed is read again", async () => {
    const known = new KnownGrants();
    const failed = known.inTransaction();
    await unburned().load(failed);
    failed.saving({ ...NO_CHANGES, changedAccounts: [accountRow("ann", { chainHead: head(1) })] });
    const { load, reads } = unburned();
    await load(known.inTransaction());
    expect(reads).toEqual([["ann"]]);
  });

  it("aren't changed by a transaction that isn't committed", async () => {
    const known = new KnownGrants();
    await burn(known);
    const { load } = stored("ann", head(2), []);
    const [grant] = (await load(known.inTransaction())) as [Grant];
    grant.remainingUsdMicros = 0n;
    expect(await load(known.inTransaction())).toEqual([{ ...open, remainingUsdMicros: 40n }]);
  });

  it("have those that were opened among them, the rolling one even when it is spent, and others not", async () => {
    const known = new KnownGrants();
    const transaction = known.inTransaction();
    await unburned().load(transaction);
    const rolling = grantRow("ann", { isRolling: true, remainingUsdMicros: 0n });
    transaction.saving({
      ...NO_CHANGES,
      changedAccounts: [accountRow("ann", { chainHead: head(2) })],
      openedGrants: [rolling],
      changedGrants: [{ ...open, remainingUsdMicros: 0n }],
    });
    transaction.committed();
    expect(await stored("ann", head(2), []).load(known.inTransaction())).toEqual([rolling]);
  });

  it("aren't known of an account that may have more than were read, or has more than are asked for", async () => {
    const known = new KnownGrants();
    const grants = [1, 2].map((priority) => grantRow("ann", { priority }));
    const commit = async (limit: number): Promise<void> => {
      const transaction = known.inTransaction();
      await stored("ann", head(1), grants).load(transaction, limit);
      transaction.saving({ ...NO_CHANGES, changedAccounts: [accountRow("ann", { chainHead: head(1) })] });
      transaction.committed();
    };
    const readsAt = async (limit: number): Promise<number> => {
      const { load, reads } = stored("ann", head(1), grants);
      await load(known.inTransaction(), limit);
      return reads.length;
    };
    await commit(2);
    expect(await readsAt(LIMIT)).toBe(1);
    await commit(LIMIT);
    expect(await readsAt(LIMIT)).toBe(0);
    expect(await readsAt(2)).toBe(1);
  });

  it("are forgotten when a grant is saved whose account's others weren't read", async () => {
    const known = new KnownGrants();
    await burn(known);
    const transaction = known.inTransaction();
    transaction.saving({ ...NO_CHANGES, changedGrants: [open] });
    transaction.committed();
    const { load, reads } = stored("ann", head(2), [open]);
    await load(known.inTransaction());
    expect(reads).toEqual([["ann"]]);
  });

  it("never take more room than they may: too many are forgotten and read again", async () => {
    const known = new KnownGrants(4);
    const commit = async (accountId: string): Promise<void> => {
      const transaction = known.inTransaction();
      await stored(accountId, head(1), [grantRow(accountId)]).load(transaction);
      transaction.saving({ ...NO_CHANGES, changedAccounts: [accountRow(accountId, { chainHead: head(1) })] });
      transaction.committed();
    };
    for (const accountId of ["a", "b", "c"]) await commit(accountId);
    const isKnown = async (accountId: string): Promise<boolean> => {
      const { load, reads } = stored(accountId, head(1), []);
      await load(known.inTransaction());
      return reads.length === 0;
    };
    expect(await Promise.all(["a", "b", "c"].map(isKnown))).toEqual([false, false, true]);
  });
});
