import type { Knex } from "knex";
import type { Generation } from "../../domain/generation/generation.js";
import type { Account, EntryRow, Grant, TransactionRow } from "../../domain/ledger/rows.js";
import type {
  AuditCounts,
  AuditedGrant,
  AuditedRequest,
  AuditedReward,
  AuditedTransaction,
  AuditView,
  RequestKey,
  RequestRecord,
} from "../store.js";
import { ACCOUNTS, ENTRIES, GENERATIONS, GRANTS, REQUESTS, REWARDS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";
import { groupByTransaction, rowsOf } from "./reads.js";

/** Below every UUID. */
const LOWEST_UUID = "00000000-0000-0000-0000-000000000000";

/** Walks the tables in key order inside one transaction, so that every slice shows the same moment. */
export class KnexAuditView implements AuditView {
  constructor(private readonly knex: Knex) {}

  accountsAfter(accountId: string, limit: number): Promise<Account[]> {
    return rowsOf(
      ACCOUNTS,
      this.knex(ACCOUNTS.name).where("account_id", ">", accountId).orderBy("account_id").limit(limit),
    );
  }

  async entriesAfter(
    accountId: string,
    version: bigint,
    limit: number,
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    return this.withTransactions(
      await rowsOf(
        ENTRIES,
        this.knex(ENTRIES.name)
          .where("account_id", accountId)
          .where("account_version", ">", version as never)
          .orderBy("account_version")
          .limit(limit),
      ),
    );
  }

  grantsAfter(accountId: string, grantId: string, limit: number): Promise<Grant[]> {
    return rowsOf(
      GRANTS,
      this.knex(GRANTS.name)
        .where("account_id", accountId)
        .where("grant_id", ">", grantId || LOWEST_UUID)
        .orderBy("grant_id")
        .limit(limit),
    );
  }

  async transactionsAfter(transactionId: string, limit: number): Promise<AuditedTransaction[]> {
    const transactions = await rowsOf(
      TRANSACTIONS,
      this.knex(TRANSACTIONS.name)
        .where("transaction_id", ">", transactionId || LOWEST_UUID)
        .orderBy("transaction_id")
        .limit(limit),
    );
    const ids = transactions.map((transaction) => transaction.transactionId);
    const inOrder = ["transaction_id", "position"];
    const entries = groupByTransaction(
      await rowsOf(ENTRIES, this.knex(ENTRIES.name).whereIn("transaction_id", ids).orderBy(inOrder)),
    );
    const rewards = groupByTransaction(
      await rowsOf(REWARDS, this.knex(REWARDS.name).whereIn("transaction_id", ids).orderBy(inOrder)),
    );
    return transactions.map((transaction) => ({
      transaction,
      entries: entries.get(transaction.transactionId) ?? [],
      rewards: rewards.get(transaction.transactionId) ?? [],
    }));
  }

  generationsAfter(generationId: string, limit: number): Promise<Generation[]> {
    return rowsOf(
      GENERATIONS,
      this.knex(GENERATIONS.name)
        .where("generation_id", ">", generationId || LOWEST_UUID)
        .orderBy("generation_id")
        .limit(limit),
    );
  }

  async settlementsOf(generationIds: readonly string[]): Promise<(readonly [string, string])[]> {
    const rows = await this.knex(TRANSACTIONS.name)
      .where("type", "GENERATION_SETTLEMENT")
      .whereIn("generation_id", generationIds)
      .select("generation_id", "transaction_id");
    return rows.map((row) => [row.generation_id, row.transaction_id] as const);
  }

  async strayEntries(limit: number): Promise<string[]> {
    const rows = await this.knex(`${ENTRIES.name} as e`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
      .leftJoin(`${ACCOUNTS.name} as a`, "a.account_id", "e.account_id")
      .where((where) => where.whereNull("t.transaction_id").orWhereNull("a.account_id"))
      .select("e.transaction_id", "e.position")
      .limit(limit);
    return rows.map((row) => `${row.transaction_id}/${row.position}`);
  }

  async counts(): Promise<AuditCounts> {
    const count = async (table: string): Promise<number> => {
      const [row] = await this.knex(table).count({ count: "*" });
      return Number(row?.count ?? 0);
    };
    return {
      accounts: await count(ACCOUNTS.name),
      entries: await count(ENTRIES.name),
      grants: await count(GRANTS.name),
      transactions: await count(TRANSACTIONS.name),
      rewards: await count(REWARDS.name),
      generations: await count(GENERATIONS.name),
      requests: await count(REQUESTS.name),
    };
  }

  async allEntriesAfter(
    after: { readonly accountId: string; readonly accountVersion: bigint },
    limit: number,
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    const above = [after.accountId, after.accountVersion as never];
    return this.withTransactions(
      await rowsOf(
        ENTRIES,
        this.knex(ENTRIES.name)
          .whereRaw("(account_id, account_version) > (?, ?)", above)
          .orderBy(["account_id", "account_version"])
          .limit(limit),
      ),
    );
  }

  async allGrantsAfter(
    after: { readonly accountId: string; readonly grantId: string },
    limit: number,
  ): Promise<AuditedGrant[]> {
    const rows: Record<string, unknown>[] = await this.knex(GRANTS.name)
      .whereRaw("(account_id, grant_id) > (?, ?)", [after.accountId, after.grantId || LOWEST_UUID])
      .orderBy(["account_id", "grant_id"])
      .limit(limit);
    return rows.map((row) => ({ ...GRANTS.decode(row), isOpen: isTrue(row.is_open) }));
  }

  async rewardsAfter(
    after: { readonly transactionId: string; readonly position: number },
    limit: number,
  ): Promise<AuditedReward[]> {
    const rows: Record<string, unknown>[] = await this.knex(`${REWARDS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, "t.transaction_id", "r.transaction_id")
      .whereRaw("(r.transaction_id, r.position) > (?, ?)", [after.transactionId || LOWEST_UUID, after.position])
      .orderBy(["r.transaction_id", "r.position"])
      .limit(limit)
      .select("r.*", "t.transaction_id as found");
    return rows.map((row) => ({ ...REWARDS.decode(row), hasTransaction: row.found !== null }));
  }

  async requestsAfter(after: RequestKey, limit: number): Promise<AuditedRequest[]> {
    const rows: Record<string, unknown>[] = await this.knex(`${REQUESTS.name} as r`)
      .leftJoin(`${TRANSACTIONS.name} as t`, (on) =>
        on
          .on("t.transaction_id", "r.resource_id")
          .andOn("t.caller", "r.caller")
          .andOn("t.request_id", "r.request_id")
          .andOnVal("r.resource_kind", "TRANSACTION"),
      )
      .leftJoin(`${GENERATIONS.name} as g`, (on) =>
        on.on("g.generation_id", "r.resource_id").andOnVal("r.resource_kind", "GENERATION"),
      )
      .whereRaw("(r.caller, r.request_id) > (?, ?)", [after.caller, after.requestId])
      .orderBy(["r.caller", "r.request_id"])
      .limit(limit)
      .select("r.*", "t.transaction_id as found_transaction", "g.generation_id as found_generation");
    return rows.map((row) => ({
      ...REQUESTS.decode(row),
      hasEffect: row.found_transaction !== null || row.found_generation !== null,
    }));
  }

  requestsOf(transactionIds: readonly string[]): Promise<RequestRecord[]> {
    return rowsOf(
      REQUESTS,
      this.knex(`${TRANSACTIONS.name} as t`)
        .join(`${REQUESTS.name} as r`, (on) => on.on("r.caller", "t.caller").andOn("r.request_id", "t.request_id"))
        .whereIn("t.transaction_id", transactionIds)
        .select("r.*"),
    );
  }

  generations(generationIds: readonly string[]): Promise<Generation[]> {
    return rowsOf(GENERATIONS, this.knex(GENERATIONS.name).whereIn("generation_id", generationIds.filter(isUuid)));
  }

  private async withTransactions(
    entries: readonly EntryRow[],
  ): Promise<(readonly [EntryRow, TransactionRow | null])[]> {
    const transactionIds = new Set(entries.map((entry) => entry.transactionId));
    const transactions = await rowsOf(
      TRANSACTIONS,
      this.knex(TRANSACTIONS.name).whereIn("transaction_id", [...transactionIds]),
    );
    const byId = new Map(transactions.map((transaction) => [transaction.transactionId, transaction]));
    return entries.map((entry) => [entry, byId.get(entry.transactionId) ?? null] as const);
  }
}

/** A boolean as either driver gives it. */
function isTrue(stored: unknown): boolean {
  return stored === true || stored === 1n;
}
