import type { Knex } from "knex";
import type { Account, Grant, Hold, HoldState } from "../../domain/ledger/rows.js";
import type { EpochMicros } from "../../domain/time.js";
import { NEVER } from "../columns.js";
import type { EntryAt, GrantCursor, Page, ReadStore } from "../read-store.js";
import { ACCOUNTS, ENTRIES, GRANTS, HOLDS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";
import { readOneTogether, readTogether } from "./read-together.js";
import { rowsOf } from "./reads.js";

/** Burn order as plain ascending columns. */
const BURN_ORDER = [
  "priority",
  "expire_time",
  "case category when 'PROMOTIONAL' then 0 else 1 end",
  "account_version",
  "grant_id",
].join(", ");

/** What these reads are a part of. */
type AccountReadStore = Pick<
  ReadStore,
  | "accounts"
  | "listAccounts"
  | "entryAt"
  | "grantOpenedBy"
  | "listGrants"
  | "due"
  | "overdueAccounts"
  | "hold"
  | "listHolds"
>;

/** Reads of accounts, their grants and their holds: the same SQL on both backends. */
export class KnexAccountReads implements AccountReadStore {
  private readonly accountsTogether = readTogether((calls: readonly (readonly string[])[]) => this.readAccounts(calls));
  private readonly holdTogether = readOneTogether(
    (ids) => this.guard(rowsOf(HOLDS, this.knex(HOLDS.name).whereIn("hold_id", ids))),
    (hold) => hold.holdId,
  );

  /** @param guard turns a driver's errors into StoreErrors */
  constructor(
    private readonly knex: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
  ) {}

  accounts(accountIds: readonly string[]): Promise<Account[]> {
    return this.accountsTogether(accountIds);
  }

  private async readAccounts(calls: readonly (readonly string[])[]): Promise<Account[][]> {
    const wanted = [...new Set(calls.flat())];
    const rows = await this.guard(rowsOf(ACCOUNTS, this.knex(ACCOUNTS.name).whereIn("account_id", wanted)));
    const found = new Map(rows.map((row) => [row.accountId, row]));
    return calls.map((accountIds) => [...new Set(accountIds)].flatMap((accountId) => found.get(accountId) ?? []));
  }

  listAccounts(after: string, limit: number): Promise<Account[]> {
    const query = this.knex(ACCOUNTS.name).where("account_id", ">", after).orderBy("account_id").limit(limit);
    return this.guard(rowsOf(ACCOUNTS, query));
  }

  /** By bisection over the account's versions, whose times never fall: some twenty look-ups by key for a million entries. */
  async entryAt(accountId: string, time: EpochMicros): Promise<EntryAt | undefined> {
    const [account] = await this.accounts([accountId]);
    let found: EntryAt | undefined;
    let low = 1n;
    let high = account?.version ?? 0n;
    while (low <= high) {
      const middle = (low + high) / 2n;
      const entry = await this.entryOf(accountId, middle);
      if (entry && entry.createTime <= time) {
        found = entry;
        low = middle + 1n;
      } else {
        high = middle - 1n;
      }
    }
    return found;
  }

  async grantOpenedBy(transactionId: string, accountId: string): Promise<Grant | undefined> {
    if (!isUuid(transactionId)) return undefined;
    const query = this.knex(GRANTS.name).where({ account_id: accountId, transaction_id: transactionId });
    return (await this.guard(rowsOf(GRANTS, query)))[0];
  }

  async listGrants(
    accountId: string,
    includeSpent: boolean,
    cursor: GrantCursor | undefined,
    pageSize: number,
  ): Promise<Page<Grant, GrantCursor>> {
    const query = this.knex(GRANTS.name).where("account_id", accountId);
    if (!includeSpent) query.whereRaw("is_open");
    if (cursor) query.whereRaw(`(${BURN_ORDER}) > (?, ?, ?, ?, ?)`, [...cursor]);
    const rows = await this.guard(rowsOf(GRANTS, query.orderByRaw(BURN_ORDER).limit(pageSize + 1)));
    const page = rows.slice(0, pageSize);
    const last = page.at(-1);
    return { rows: page, next: rows.length > pageSize && last ? cursorOf(last) : undefined };
  }

  async due(accountId: string, now: EpochMicros): Promise<{ readonly holds: Hold[]; readonly grants: Grant[] }> {
    const overdue = (table: string) =>
      this.knex(table)
        .where("account_id", accountId)
        .where("expire_time", "<=", now as never);
    return {
      holds: await this.guard(rowsOf(HOLDS, overdue(HOLDS.name).where("state", "ACTIVE"))),
      grants: await this.guard(rowsOf(GRANTS, overdue(GRANTS.name).whereRaw("is_open"))),
    };
  }

  async overdueAccounts(now: EpochMicros, after: string, limit: number): Promise<string[]> {
    const query = this.knex(ACCOUNTS.name)
      .whereRaw(`next_expiry_time < ${NEVER}`)
      .where("next_expiry_time", "<=", now as never)
      .where("account_id", ">", after)
      .orderBy("account_id")
      .limit(limit)
      .select("account_id");
    return (await this.guard(query)).map((row) => row.account_id);
  }

  async hold(holdId: string): Promise<Hold | undefined> {
    return isUuid(holdId) ? this.holdTogether(holdId) : undefined;
  }

  async listHolds(
    accountId: string,
    states: readonly HoldState[],
    cursor: string | undefined,
    pageSize: number,
  ): Promise<Page<Hold, string>> {
    const query = this.knex(HOLDS.name).where("account_id", accountId);
    if (states.length > 0) query.whereIn("state", states);
    if (cursor !== undefined) query.where("hold_id", "<", cursor);
    const rows = await this.guard(rowsOf(HOLDS, query.orderBy("hold_id", "desc").limit(pageSize + 1)));
    const page = rows.slice(0, pageSize);
    return { rows: page, next: rows.length > pageSize ? page.at(-1)?.holdId : undefined };
  }

  private async entryOf(accountId: string, version: bigint): Promise<EntryAt | undefined> {
    const query = this.knex(`${ENTRIES.name} as e`)
      .join(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
      .where("e.account_id", accountId)
      .where("e.account_version", version as never)
      .select("e.balance_after_usd_micros", "t.create_time");
    const [row] = await this.guard(query);
    return (
      row && {
        balanceUsdMicros: BigInt(row.balance_after_usd_micros),
        version,
        createTime: BigInt(row.create_time),
      }
    );
  }
}

function cursorOf(grant: Grant): GrantCursor {
  const { priority, expireTime, category, accountVersion, grantId } = grant;
  return [priority, expireTime ?? NEVER, category === "PROMOTIONAL" ? 0 : 1, accountVersion, grantId].map(String);
}
