import type { AssetDay, AssetUsage, BucketEarnings, CreatorAsset, EarningsBucket } from "../domain/earnings.js";
import type { RewardRole } from "../domain/fees.js";
import type { CastStep } from "../domain/generation/cast.js";
import type { Generation, GenerationEvent, GenerationState, Tool } from "../domain/generation/generation.js";
import type { BookChanges } from "../domain/ledger/books.js";
import type { Refundable } from "../domain/ledger/refund.js";
import type {
  Account,
  ChainedTransaction,
  ClawbackRow,
  EntryRow,
  Grant,
  Hold,
  HoldState,
  RewardRow,
  TransactionRow,
  TransactionType,
  TransactionWithEntries,
} from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";

/*
 * What the floors above know of storage. Each sentence of a contract here is a case of the conformance suite (test/conformance), which runs on
 * SQLite and on a real Postgres. No type of a driver passes this line; a driver's errors come out as StoreError.
 */

/** Why the store refused or lost a transaction. */
export type StoreErrorKind =
  /** A serialization failure, a deadlock, a unique violation against another instance: nothing was written, try the whole batch again. */
  | "CONFLICT"
  /** The connection broke or could not be had: it may or may not have been committed, try the whole batch again and look. */
  | "UNAVAILABLE"
  /** The data itself was refused: trying again doesn't help. */
  | "REFUSED";

export class StoreError extends Error {
  override readonly name = "StoreError";
  constructor(
    readonly kind: StoreErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Idempotency key of a caller. */
export interface RequestKey {
  readonly caller: string;
  readonly requestId: string;
}

/** What a request did, kept for ever with what it made. */
export interface RequestRecord extends RequestKey {
  /** Of method and request, 32 bytes. */
  readonly fingerprint: Uint8Array;
  readonly resourceKind: "TRANSACTION" | "GENERATION" | "HOLD" | "REWARD_POLICY";
  readonly resourceId: string;
}

/** Names a generation by either of its names. */
export interface GenerationRef {
  /** "" if unknown. */
  readonly generationId: string;
  /** "" if unknown. */
  readonly runId: string;
}

/** What a batch wants to see before its accounts are known. */
export interface BatchKeys {
  readonly requests: readonly RequestKey[];
  readonly externalReferences: readonly string[];
  readonly generations: readonly GenerationRef[];
  readonly holds: readonly string[];
  /** Transactions to give back. */
  readonly transactions: readonly string[];
}

export interface LoadedKeys {
  /** The store's clock. */
  readonly clock: EpochMicros;
  readonly requests: readonly RequestRecord[];
  readonly externalReferences: readonly { readonly externalReference: string; readonly transactionId: string }[];
  readonly generations: readonly Generation[];
  readonly holds: readonly { readonly holdId: string; readonly accountId: string }[];
  readonly transactions: readonly { readonly transactionId: string; readonly accountIds: readonly string[] }[];
}

/** Holds and grants whose time is up. */
export interface LoadedDue {
  readonly grants: readonly Grant[];
  readonly holds: readonly Hold[];
  /** Account → when the first of its active holds and open grants ends that isn't due yet; accounts without any are left out. */
  readonly nextExpiries: ReadonlyMap<string, EpochMicros>;
}

/** Everything a batch changed, to be written in one go. */
export interface BatchChanges extends BookChanges {
  readonly requests: readonly RequestRecord[];
  readonly openedGenerations: readonly Generation[];
  readonly changedGenerations: readonly Generation[];
  /** Transactions of which more has been given back. */
  readonly changedTransactions: readonly TransactionRow[];
  readonly rewards: readonly RewardRow[];
  readonly changedRewards: readonly RewardRow[];
  readonly clawbacks: readonly ClawbackRow[];
  readonly events: readonly GenerationEvent[];
  readonly rewardPolicies: readonly RewardPolicyRow[];
}

/** One database transaction of the ledger writer. Calls come in this order: loadKeys, loadAccounts, the other loads, save. */
export interface LedgerTransaction {
  /**
   * Reads idempotency records and used external references, then reads and locks generations by id or run id, in order of generation_id.
   * A generation that another transaction holds is waited for and read as that one left it. Of holds and transactions it reads what never changes: which accounts they touch.
   * Unknown keys are left out.
   */
  loadKeys(keys: BatchKeys): Promise<LoadedKeys>;
  /**
   * Reads and locks accounts by stored id, in order of account_id. Accounts that don't exist are left out; nothing is made for them.
   * Under the locks the values are the newest committed ones.
   */
  loadAccounts(accountIds: readonly string[]): Promise<Account[]>;
  /**
   * Reads the first open grants of accounts in burn order, at most `limitPerAccount` of each, and each account's rolling grant, open or not: one that is among the first comes twice. Only under
   * the accounts' locks.
   */
  loadGrants(accountIds: readonly string[], limitPerAccount: number): Promise<Grant[]>;
  /** Reads grants by id, open or not. Only under their accounts' locks. Unknown ids are left out. */
  loadGrantsById(grantIds: readonly string[]): Promise<Grant[]>;
  /** Reads holds by id, in any state. Only under their accounts' locks. Unknown ids are left out. */
  loadHolds(holdIds: readonly string[]): Promise<Hold[]>;
  /** Reads the active holds and open grants of accounts that end at or before `now`, all of them, and when the next one ends. Only under the accounts' locks. */
  loadDue(accountIds: readonly string[], now: EpochMicros): Promise<LoadedDue>;
  /** Reads transactions by id with their entries and rewards, by position. Only under the locks of the accounts they touch. Unknown ids are left out. */
  loadRefundables(transactionIds: readonly string[]): Promise<Refundable[]>;
  /** Reads the reward policy in force at a time, as RewardPolicyStore has it, among all that are committed by then. Locks nothing. */
  loadRewardPolicy(time: EpochMicros): Promise<RewardPolicyRow>;
  /**
   * Writes everything with a fixed, small number of set-based statements, and adds new rewards and clawbacks to what their assets earned that day. A row opened twice (by another instance) is a StoreError CONFLICT; an event known by its key is
   * left as it is.
   */
  save(changes: BatchChanges): Promise<void>;
}

/** Writes of the ledger. */
export interface LedgerStore {
  /**
   * Runs `work` in one transaction and commits it durably before resolving; if `work` throws, nothing is written and its error comes out.
   * Fails with StoreError; CONFLICT and UNAVAILABLE may be tried again whole.
   */
  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T>;
  /** How many transactions of one writer it gains from running at once; more would only wait for each other. At least 1. */
  readonly transactionsAtOnce: number;
  /** Time of the newest transaction or generation; 0 in an empty store. A writer starts its clock there. */
  newestTime(): Promise<EpochMicros>;
}

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

/** Walks the whole store in key order, a bounded slice at a time; each slice starts above `after`. For the audit. */
export interface AuditStore {
  /** One unchanging view of the store for the whole audit, however long it takes and whatever is written meanwhile. */
  snapshot<T>(work: (view: AuditView) => Promise<T>): Promise<T>;
}

export interface AuditView {
  /** By account_id. */
  accountsAfter(accountId: string, limit: number): Promise<Account[]>;
  /** By account_id, at or above one. */
  accountsFrom(accountId: string, limit: number): Promise<Account[]>;
  /** Settlements of one of these generations: [generation_id, transaction_id]. */
  settlementsOf(generationIds: readonly string[]): Promise<(readonly [string, string])[]>;
  /** How many rows there are, for the progress bar. */
  counts(): Promise<AuditCounts>;
  /**
   * Entries of all accounts, by account_id and account_version, with what its hash holds of its transaction (null if there is none).
   * Where one can't be decoded (JSON that is none), fails with StoreError REFUSED, which names the row.
   */
  allEntriesAfter(
    after: { readonly accountId: string; readonly accountVersion: bigint },
    limit: number,
  ): Promise<(readonly [EntryRow, ChainedTransaction | null])[]>;
  /** Grants of all accounts, by account_id and grant_id. An empty grant id is below every other. */
  allGrantsAfter(
    after: { readonly accountId: string; readonly grantId: string },
    limit: number,
  ): Promise<AuditedGrant[]>;
  /** Holds of all accounts, by account_id and hold_id, with what is to be compared with each. An empty hold id is below every other. */
  allHoldsAfter(after: { readonly accountId: string; readonly holdId: string }, limit: number): Promise<HoldToCheck[]>;
  /** By transaction_id, with what is to be compared with each. An empty id is below every other. Fails as allEntriesAfter does. */
  transactionsToCheckAfter(transactionId: string, limit: number): Promise<TransactionToCheck[]>;
  /** These transactions, by transaction_id; unknown ids are left out. Fails as allEntriesAfter does. */
  transactionsToCheck(transactionIds: readonly string[]): Promise<TransactionToCheck[]>;
  /** The hashes of these entries, in no order; those that don't exist are left out. */
  entryHashes(entries: readonly EntryKey[]): Promise<(EntryKey & Pick<EntryRow, "hash">)[]>;
  /** By generation_id. An empty id is below every other. Fails as allEntriesAfter does. */
  generationsToCheckAfter(generationId: string, limit: number): Promise<GenerationToCheck[]>;
  /** By transaction_id and position. An empty transaction id is below every other. */
  rewardsAfter(after: RewardToCheck, limit: number): Promise<RewardFound[]>;
  /** By transaction_id and position. An empty transaction id is below every other. */
  clawbacksAfter(after: ClawbackKey, limit: number): Promise<ClawbackToCheck[]>;
  /** By account_id, asset_id, role and day, with what the rewards and clawbacks of each sum to. */
  assetDaysToCheckAfter(after: AssetDayKey, limit: number): Promise<AssetDayToCheck[]>;
  /** Assets with users, by account_id, asset_id and role. */
  assetUsersToCheckAfter(after: CreatorAsset, limit: number): Promise<AssetUsersToCheck[]>;
  /** By caller and request_id. */
  requestsAfter(after: RequestKey, limit: number): Promise<AuditedRequest[]>;
}

export type EntryKey = Pick<EntryRow, "accountId" | "accountVersion">;

export interface AuditCounts {
  readonly accounts: number;
  readonly entries: number;
  readonly grants: number;
  readonly holds: number;
  readonly transactions: number;
  readonly rewards: number;
  readonly clawbacks: number;
  readonly assetDays: number;
  readonly generations: number;
  readonly requests: number;
}

export interface AuditedGrant extends Grant {
  /** As stored: whether debits look at it. */
  readonly isOpen: boolean;
}

export interface HoldToCheck extends Hold {
  /** The generation that it names; null if there is none. */
  readonly generation: Pick<Generation, "state" | "holdId"> | null;
}

/** A transaction and all that is compared with it, each no wider than that needs: an audit reads every row. */
export interface TransactionToCheck {
  readonly transaction: TransactionRow;
  /** Its entries, by position. */
  readonly postings: readonly Pick<EntryRow, "accountId" | "amountUsdMicros">[];
  /** By position. */
  readonly rewards: readonly RewardInTransaction[];
  /** What its refunds say of it. */
  readonly refunds: RefundsOfTransaction;
  /** What it took back of rewards, by position; only a refund does. */
  readonly clawbacks: readonly Pick<ClawbackRow, "accountId" | "amountUsdMicros">[];
  /** The transaction that it names as the one it gives money back of; null if there is none. */
  readonly refunded: RefundedTransaction | null;
  /** What the record under its request key names; null if it has no such key, or the key no record. */
  readonly recorded: Pick<RequestRecord, "resourceKind" | "resourceId"> | null;
  /** Of a settlement, the generation that it names; null if there is none. */
  readonly generation: GenerationToCheck | null;
}

export interface RewardInTransaction
  extends Pick<
    RewardRow,
    "position" | "accountId" | "generationId" | "amountUsdMicros" | "refundedUsdMicros" | "clawedBackUsdMicros"
  > {
  /** The sum of what refunds say they took back of it. */
  readonly clawbacksUsdMicros: bigint;
}

/** Sums over the refunds of one transaction; 0 if there are none. */
export interface RefundsOfTransaction {
  /** What their payers got. */
  readonly paidBackUsdMicros: bigint;
  /** What revenue gave of it. */
  readonly fromBaseUsdMicros: bigint;
}

export interface RefundedTransaction extends Pick<TransactionRow, "transactionId" | "type"> {
  /** Of its first entry; "" if it has none. */
  readonly payerAccountId: string;
}

export type ClawbackKey = Pick<ClawbackRow, "transactionId" | "position">;

export interface ClawbackToCheck extends ClawbackKey {
  /** Whether it belongs to a refund, and the transaction given back has this reward for this account and asset. */
  readonly hasReward: boolean;
  /** Whether there is a sum that it belongs in. */
  readonly hasDay: boolean;
}

export type AssetDayKey = CreatorAsset & Pick<AssetDay, "day">;

export interface AssetDayToCheck extends AssetDay {
  /** Of its rewards and clawbacks. */
  readonly sums: Pick<AssetDay, "earnedUsdMicros" | "clawedBackUsdMicros" | "uses" | "lastUsedTime">;
}

export interface AssetUsersToCheck extends CreatorAsset {
  /** Of all its days. */
  readonly newUsers: bigint;
  /** How many are known. */
  readonly users: bigint;
}

export interface GenerationToCheck
  extends Pick<
    Generation,
    "generationId" | "state" | "baseCostUsdMicros" | "feeUsdMicros" | "chargedAccountId" | "transactionId"
  > {
  readonly pricingUnit: Generation["pricing"]["unit"];
  /** Of the policy that it was created under. */
  readonly rewardPolicyId: string;
}

export type RewardToCheck = Pick<RewardRow, "transactionId" | "position">;

export interface RewardFound extends RewardToCheck {
  readonly hasTransaction: boolean;
  /** Whether there is a sum that it belongs in. */
  readonly hasDay: boolean;
  /** Whether its user is known as one of its asset, since its day or before. */
  readonly hasUser: boolean;
}

export interface AuditedRequest extends Omit<RequestRecord, "fingerprint"> {
  /** Whether what it made is there: the transaction it names, under this very key, or the generation, hold or policy it names. */
  readonly hasEffect: boolean;
}

/** Everything, as the composition root hands it out. */
export interface Store extends LedgerStore, ReadStore, ToolStore, RewardPolicyStore, AuditStore {
  /** "sqlite" or "postgres", for people. */
  readonly backend: "sqlite" | "postgres";
  /** Brings the schema up to date. Two instances may start at once: one does it, the other waits. */
  migrate(): Promise<void>;
  /** Whether the schema is what this build expects. */
  isMigrated(): Promise<boolean>;
  /** The secret kept in the store, made by the first to ask. 64 hex digits. */
  storedSecret(): Promise<string>;
  /** Closes every connection once what is running has ended. */
  close(): Promise<void>;
}
