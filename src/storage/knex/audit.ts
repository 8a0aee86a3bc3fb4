import type { Knex } from "knex";
import type { CreatorAsset } from "../../domain/earnings.js";
import type { Account, ChainedTransaction, EntryRow } from "../../domain/ledger/rows.js";
import type {
  AssetDayKey,
  AssetDayToCheck,
  AssetUsersToCheck,
  AuditCounts,
  AuditedGrant,
  AuditedRequest,
  AuditView,
  ChainLink,
  ChainPlace,
  ClawbackKey,
  ClawbackToCheck,
  EntryKey,
  GenerationToCheck,
  HoldToCheck,
  RewardFound,
  RewardToCheck,
  Stretch,
  StretchedTable,
  TransactionToCheck,
  Whence,
  Which,
} from "../audit-store.js";
import type { RequestKey } from "../store.js";
import {
  ACCOUNTS,
  ASSET_DAYS,
  CLAWBACKS,
  ENTRIES,
  GENERATIONS,
  GRANTS,
  HOLDS,
  REQUESTS,
  REWARDS,
  TRANSACTIONS,
} from "../tables.js";
import type { AuditReader } from "./audit-reader.js";
import { chainLinksAfter, entriesAfter } from "./entries-to-check.js";
import { generationsAfter, generationsOf } from "./generations-to-check.js";
import { OddRows } from "./odd-rows.js";
import { RollupsToCheck } from "./rollups-to-check.js";
import { StraysToCheck } from "./strays-to-check.js";
import { TransactionsToCheck } from "./transactions-to-check.js";
import { decoded } from "./unreadable.js";

/** Below every UUID. */
const LOWEST_UUID = "00000000-0000-0000-0000-000000000000";

/** Walks the tables in key order inside one transaction, so that every slice shows the same moment. */
export class KnexAuditView implements AuditView {
  readonly linksForARow: number = 1;
  private readonly transactions: TransactionsToCheck;
  private readonly rollups: RollupsToCheck;
  private readonly strays: StraysToCheck;
  private readonly odd: OddRows;

  /**
   * @param knex makes the statements
   * @param reader runs them
   */
  constructor(
    protected readonly knex: Knex,
    private readonly reader: AuditReader,
    readonly moment: string | undefined,
  ) {
    this.transactions = new TransactionsToCheck(knex, reader);
    this.rollups = new RollupsToCheck(knex, reader);
    this.strays = new StraysToCheck(knex, reader);
    this.odd = new OddRows(knex, reader);
  }

  accountsAfter(accountId: string, limit: number): Promise<Account[]> {
    return this.accounts(">", accountId, limit);
  }

  accountsFrom(accountId: string, limit: number): Promise<Account[]> {
    return this.accounts(">=", accountId, limit);
  }

  async settlementsOf(generationIds: readonly string[]): Promise<(readonly [string, string])[]> {
    const rows = await this.reader.rows(
      this.knex(TRANSACTIONS.name)
        .where("type", "GENERATION_SETTLEMENT")
        .whereIn("generation_id", generationIds)
        .select("generation_id", "transaction_id"),
    );
    return rows.map((row) => [row.generation_id, row.transaction_id] as const);
  }

  async counts(): Promise<AuditCounts> {
    const count = async (table: string): Promise<number> => {
      const [row] = await this.reader.rows(this.knex(table).count({ count: "*" }));
      return Number(row?.count ?? 0);
    };
    return {
      accounts: await count(ACCOUNTS.name),
      entries: await count(ENTRIES.name),
      grants: await count(GRANTS.name),
      holds: await count(HOLDS.name),
      transactions: await count(TRANSACTIONS.name),
      rewards: await count(REWARDS.name),
      clawbacks: await count(CLAWBACKS.name),
      assetDays: await count(ASSET_DAYS.name),
      generations: await count(GENERATIONS.name),
      requests: await count(REQUESTS.name),
    };
  }

  allEntriesAfter(
    after: { readonly accountId: string; readonly accountVersion: bigint },
    limit: number,
  ): Promise<(readonly [EntryRow, ChainedTransaction | null])[]> {
    return entriesAfter(this.knex, this.reader, after, limit);
  }

  chainLinksAfter(after: ChainPlace, limit: number): Promise<ChainLink[]> {
    return chainLinksAfter(this.knex, this.reader, after, limit);
  }

  async allGrantsAfter(
    after: { readonly accountId: string; readonly grantId: string },
    limit: number,
  ): Promise<AuditedGrant[]> {
    const rows = await this.reader.rows(
      this.knex(GRANTS.name)
        .whereRaw("(account_id, grant_id) > (?, ?)", [after.accountId, after.grantId || LOWEST_UUID])
        .orderBy(["account_id", "grant_id"])
        .limit(limit),
    );
    return rows.map((row) => ({ isOpen: isTrue(row.is_open), ...decoded(GRANTS, row) }));
  }

  async allHoldsAfter(
    after: { readonly accountId: string; readonly holdId: string },
    limit: number,
  ): Promise<HoldToCheck[]> {
    const rows = await this.reader.rows(
      this.knex(`${HOLDS.name} as h`)
        .leftJoin(`${GENERATIONS.name} as g`, "g.generation_id", "h.generation_id")
        .whereRaw("(h.account_id, h.hold_id) > (?, ?)", [after.accountId, after.holdId || LOWEST_UUID])
        .orderBy(["h.account_id", "h.hold_id"])
        .limit(limit)
        .select("h.*", "g.state as generation_state", "g.hold_id as generation_hold_id"),
    );
    return rows.map((row) => ({
      generation:
        row.generation_state === null
          ? null
          : { state: row.generation_state as never, holdId: (row.generation_hold_id ?? "") as string },
      ...decoded(HOLDS, row),
    }));
  }

  transactionsToCheckAfter(transactionId: string, limit: number): Promise<TransactionToCheck[]> {
    return this.transactions.after(transactionId || LOWEST_UUID, limit);
  }

  transactionsToCheck(transactionIds: readonly string[], whence?: Whence): Promise<TransactionToCheck[]> {
    return this.transactions.of(transactionIds, whence);
  }

  stretchAfter(table: StretchedTable, id: string, limit: number): Promise<Stretch | undefined> {
    return this.odd.stretchAfter(table, id || LOWEST_UUID, limit);
  }

  oddRows(table: StretchedTable, stretch: Stretch): Promise<string[]> {
    return this.odd[table](stretch);
  }

  async entryHashes(entries: readonly EntryKey[]): Promise<(EntryKey & Pick<EntryRow, "hash">)[]> {
    const keys = entries.map(({ accountId, accountVersion }) => [accountId, accountVersion]);
    const rows = await this.reader.rows(
      this.knex(ENTRIES.name)
        .whereIn(["account_id", "account_version"], keys as never)
        .select("account_id", "account_version", "hash"),
    );
    return rows.map((row) => ({
      accountId: row.account_id,
      accountVersion: BigInt(row.account_version),
      hash: row.hash,
    }));
  }

  generationsToCheckAfter(generationId: string, limit: number): Promise<GenerationToCheck[]> {
    return generationsAfter(this.knex, this.reader, generationId || LOWEST_UUID, limit);
  }

  unrecordedAfter(transactionId: string, limit: number): Promise<string[]> {
    return this.strays.unrecordedAfter(transactionId || LOWEST_UUID, limit);
  }

  generationsToCheck(generationIds: readonly string[]): Promise<GenerationToCheck[]> {
    return generationsOf(this.knex, this.reader, generationIds);
  }

  rewardsAfter(after: RewardToCheck, limit: number, which?: Which): Promise<RewardFound[]> {
    return this.strays.rewardsAfter(after, limit, which);
  }

  clawbacksAfter(after: ClawbackKey, limit: number, which?: Which): Promise<ClawbackToCheck[]> {
    return this.strays.clawbacksAfter(after, limit, which);
  }

  requestsAfter(after: RequestKey, limit: number, which?: Which): Promise<AuditedRequest[]> {
    return this.strays.requestsAfter(after, limit, which);
  }

  assetDaysToCheckAfter(after: AssetDayKey, limit: number): Promise<AssetDayToCheck[]> {
    return this.rollups.daysAfter(after, limit);
  }

  assetUsersToCheckAfter(after: CreatorAsset, limit: number): Promise<AssetUsersToCheck[]> {
    return this.rollups.usersAfter(after, limit);
  }

  private async accounts(isIn: ">" | ">=", accountId: string, limit: number): Promise<Account[]> {
    const accounts = this.knex(ACCOUNTS.name).where("account_id", isIn, accountId);
    const rows = await this.reader.rows(accounts.orderBy("account_id").limit(limit));
    return rows.map((row) => ACCOUNTS.decode(row));
  }
}

/** A boolean as either driver gives it. */
function isTrue(stored: unknown): boolean {
  return stored === true || stored === 1n;
}
