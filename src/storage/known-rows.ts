import { KnownUsers, type UsersInTransaction } from "./asset-rollup.js";
import type { GrantsInTransaction } from "./grants-in-transaction.js";
import { KnownGrants } from "./known-grants.js";

/** What a transaction makes use of that its store remembers. */
export interface RowsInTransaction {
  readonly users: UsersInTransaction;
  readonly grants: GrantsInTransaction;
}

/** What a store remembers of rows that it has seen committed. */
export class KnownRows {
  private readonly users = new KnownUsers();
  private readonly grants = new KnownGrants();

  /** Runs a transaction, and remembers what it did once it has been committed. @param transact resolves after its commit, and throws whenever that isn't certain */
  async remembering<T>(transact: (rows: RowsInTransaction) => Promise<T>): Promise<T> {
    const [users, grants] = [this.users.inTransaction(), this.grants.inTransaction()];
    const result = await transact({ users, grants });
    users.committed();
    grants.committed();
    return result;
  }
}
