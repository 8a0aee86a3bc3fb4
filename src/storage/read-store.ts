import type { AssetUsage, BucketEarnings, CreatorAsset, EarningsBucket } from "../domain/earnings.js";
import type { RewardRole } from "../domain/fees.js";
import type { CastStep } from "../domain/generation/cast.js";
import type { Generation, GenerationEvent, GenerationState, Tool } from "../domain/generation/generation.js";
import type {
  Account,
  Grant,
  Hold,
  HoldState,
  RewardRow,
  TransactionType,
  TransactionWithEntries,
} from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";
import type { GenerationRef } from "./store.js";

/** A position in an account's entries, one for each stripe of a platform account: entries below these versions come next. */
export type EntryCursor = Readonly<Record<string, bigint>>;

export interface TransactionFilter {
  /** Empty: all. */
  readonly types: readonly TransactionType[];
  /** Empty texts: any. */
  readonly toolId: string;
  readonly generationId: string;
  readonly externalReference: string;
  readonly startTime: EpochMicros;
  /** Exclusive. */
  readonly endTime: EpochMicros;
}

export interface GenerationFilter {
  readonly accountId: string;
  /** Empty: all. */
  readonly states: readonly GenerationState[];
  /** Empty texts: any. */
  readonly toolId: string;
  readonly spellId: string;
  readonly castId: string;
  readonly startTime: EpochMicros;
  /** Exclusive. */
  readonly endTime: EpochMicros;
}

/** A position in the steps of a cast: those after it come next. */
export interface CastCursor {
  readonly stepIndex: number;
  readonly generationId: string;
}

/** An account's part in paying for a generation: it is asked first, or after the payer. */
export type PayerRole = "PAYER" | "FALLBACK";

export interface RewardFilter {
  readonly accountId: string;
  /** Empty: any. */
  readonly assetId: string;
  readonly role: RewardRole | undefined;
  readonly startTime: EpochMicros;
  /** Exclusive. */
  readonly endTime: EpochMicros;
}

/** A position in a newest-first list of rewards. */
export interface RewardCursor {
  readonly createTime: EpochMicros;
  readonly transactionId: string;
  readonly position: number;
}

export interface EarningsFilter {
  readonly accountId: string;
  readonly startTime: EpochMicros;
  /** Exclusive. */
  readonly endTime: EpochMicros;
}

/** A position in a creator's assets. */
export type AssetCursor = Pick<CreatorAsset, "assetId" | "role">;

/** One page of a newest-first list. */
export interface Page<Row, Cursor> {
  readonly rows: readonly Row[];
  /** Where the next page starts; undefined at the end. A page may be short, even empty, and go on. */
  readonly next: Cursor | undefined;
}

/** A position in a list of grants: burn order's columns, and the id. */
export type GrantCursor = readonly string[];

/** Where an account stood after one of its entries. */
export interface EntryAt {
  readonly balanceUsdMicros: bigint;
  readonly version: bigint;
  readonly createTime: EpochMicros;
}

/** Reads. They never wait for the writer, see only what is committed, and a page costs the same however deep it is. */
export interface ReadStore {
  /** Accounts by stored id; unknown ones are left out. */
  accounts(accountIds: readonly string[]): Promise<Account[]>;
  /** The grant that a transaction opened in an account. */
  grantOpenedBy(transactionId: string, accountId: string): Promise<Grant | undefined>;
  /** An account's open grants in burn order, with `includeSpent` the spent ones too; from after the cursor. */
  listGrants(
    accountId: string,
    includeSpent: boolean,
    cursor: GrantCursor | undefined,
    pageSize: number,
  ): Promise<Page<Grant, GrantCursor>>;
  /** Holds and grants of an account that end at or before `now` and have not been written off yet. */
  due(accountId: string, now: EpochMicros): Promise<{ readonly holds: Hold[]; readonly grants: Grant[] }>;
  /** Ids above `after` of accounts with something that ended at or before `now`, at most `limit`, by account_id. */
  overdueAccounts(now: EpochMicros, after: string, limit: number): Promise<string[]>;
  hold(holdId: string): Promise<Hold | undefined>;
  /** An account's holds, newest first by hold_id, from below the cursor, in one of these states (empty: all). */
  listHolds(
    accountId: string,
    states: readonly HoldState[],
    cursor: string | undefined,
    pageSize: number,
  ): Promise<Page<Hold, string>>;
  /** Accounts by stored id, above `after`, at most `limit`. */
  listAccounts(after: string, limit: number): Promise<Account[]>;
  /** The last entry of an account at or before a time; undefined if it had none by then. */
  entryAt(accountId: string, time: EpochMicros): Promise<EntryAt | undefined>;
  transaction(transactionId: string): Promise<TransactionWithEntries | undefined>;
  /** Id of the transaction that an external reference was credited by. */
  transactionWithReference(externalReference: string): Promise<string | undefined>;
  /** Transactions with an entry in one of these accounts, newest first. Looks at no more than 20 pages' worth of entries for a rare filter. */
  listTransactions(
    accountIds: readonly string[],
    filter: TransactionFilter,
    cursor: EntryCursor | undefined,
    pageSize: number,
  ): Promise<Page<TransactionWithEntries, EntryCursor>>;
  /** By id, or all those with a run id (one for each provider). */
  findGenerations(ref: GenerationRef): Promise<Generation[]>;
  /** Newest first, by generation_id, from below the cursor. Looks at no more than 20 pages' worth of rows for a rare filter. */
  listGenerations(
    filter: GenerationFilter,
    cursor: string | undefined,
    pageSize: number,
  ): Promise<Page<Generation, string>>;
  /** The steps of the cast that the filter names, by step_index and generation_id, from after the cursor. Looks at no more than 20 pages' worth of rows for a rare filter. */
  listCast(
    filter: GenerationFilter,
    cursor: CastCursor | undefined,
    pageSize: number,
  ): Promise<Page<Generation, CastCursor>>;
  /** What counts of the first `limit` steps of an account's cast, by step_index and generation_id. */
  castSteps(accountId: string, castId: string, limit: number): Promise<CastStep[]>;
  /** Ids of PENDING and RUNNING generations created at or before a time, oldest first, at most `limit`. */
  openGenerations(createdBefore: EpochMicros, limit: number): Promise<string[]>;
  /**
   * Ids above `after` of accounts whose available money, as stored, covers the base cost of a generation that they are to pay for, as payer or as fallback: one that nobody could pay
   * (INSUFFICIENT_FUNDS), created at or after `createdAfter`. By account_id, at most `limit`; with `among`, only of these accounts.
   */
  accountsAbleToPay(
    createdAfter: EpochMicros,
    after: string,
    limit: number,
    among?: readonly string[],
  ): Promise<string[]>;
  /** Ids of generations that nobody could pay (INSUFFICIENT_FUNDS), created at or after a time, in which an account has this role; oldest first, at most `limit`. */
  unpaidGenerations(accountId: string, role: PayerRole, createdAfter: EpochMicros, limit: number): Promise<string[]>;
  /** Newest first, from below the cursor, which a page of the same filter has returned. Reads no more than two pages' worth of rows, whatever the filter. */
  listRewards(
    filter: RewardFilter,
    cursor: RewardCursor | undefined,
    pageSize: number,
  ): Promise<Page<RewardRow, RewardCursor>>;
  /**
   * A creator's earnings by UTC bucket, or by bucket and asset, as of one moment: the first `limit` of them, oldest first, then by asset and role. A bucket that the time range cuts has only what is in the
   * range. Whole days come from their sums; reward by reward are read no more than the two days that the range cuts.
   */
  earnings(filter: EarningsFilter, bucket: EarningsBucket, byAsset: boolean, limit: number): Promise<BucketEarnings[]>;
  /** What each of a creator's assets brought in each role so far, by asset_id and role, from above the cursor. */
  listAssetUsage(
    accountId: string,
    cursor: AssetCursor | undefined,
    pageSize: number,
  ): Promise<Page<AssetUsage, AssetCursor>>;
  /** Events of a generation, oldest first. */
  generationEvents(generationId: string): Promise<GenerationEvent[]>;
  /** Does nothing but reach the store. Fails with StoreError UNAVAILABLE. */
  ping(): Promise<void>;
}

/** Tools: registered by content, outside the writer. */
export interface ToolStore {
  /** Stores a tool and returns it as stored; if the content is the same, the old update_time stays. */
  upsertTool(tool: Omit<Tool, "updateTime">): Promise<Tool>;
  tool(toolId: string): Promise<Tool | undefined>;
  /** By tool_id, from above the cursor. */
  listTools(cursor: string | undefined, pageSize: number): Promise<Page<Tool, string>>;
}

/** A position in a list of reward policies. */
export type RewardPolicyCursor = Pick<RewardPolicyRow, "effectiveTime" | "createTime" | "policyId">;

/** Reward policies: written by the ledger, never changed. "adr-012" is there from the beginning of time. */
export interface RewardPolicyStore {
  /** The one in force at a time: with the latest effective_time at or before it; of several, the one created last, then the one with the highest id. */
  rewardPolicyAt(time: EpochMicros): Promise<RewardPolicyRow>;
  /** The one in force by a reader's clock, which may lag behind the one that policies are dated by: one that came into force as it was set is in force for whoever can read it. */
  currentRewardPolicy(now: EpochMicros): Promise<RewardPolicyRow>;
  rewardPolicy(policyId: string): Promise<RewardPolicyRow | undefined>;
  /** All, those to come too, the last to come into force first, from below the cursor. */
  listRewardPolicies(
    cursor: RewardPolicyCursor | undefined,
    pageSize: number,
  ): Promise<Page<RewardPolicyRow, RewardPolicyCursor>>;
}
