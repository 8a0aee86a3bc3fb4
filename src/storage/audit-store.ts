import type { AssetDay, CreatorAsset } from "../domain/earnings.js";
import type { Generation } from "../domain/generation/generation.js";
import type {
  Account,
  ChainedTransaction,
  ClawbackRow,
  EntryRow,
  Grant,
  Hold,
  RewardRow,
  TransactionRow,
} from "../domain/ledger/rows.js";
import type { RequestKey, RequestRecord } from "./store.js";

/** Walks the whole store in key order, a bounded slice at a time; each slice starts above `after`. For the audit. */
export interface AuditStore {
  /** One unchanging view of the store for the whole audit, however long it takes and whatever is written meanwhile. */
  snapshot<T>(work: (view: AuditView) => Promise<T>, options?: SnapshotOptions): Promise<T>;
}

export interface SnapshotOptions {
  /** Connections that the view's reads share; 1 unless told. A backend whose connections can't show one moment has 1 whatever is asked for. */
  readonly readsAtOnce?: number | undefined;
  /** The moment to show: that of another view, of this process or another, whose snapshot isn't over; unless told, now. */
  readonly moment?: string | undefined;
}

/** Any number of reads may be asked for at once: those for which no connection is free wait for their turn. */
export interface AuditView {
  /** Names what it shows for other snapshots, as long as this one lasts; undefined if it was asked for only one read at once, or the backend's connections can't show one moment. */
  readonly moment: string | undefined;
  /** How many links of chains are best read where other rows are read one by one. */
  readonly linksForARow: number;
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
  /**
   * The same entries as far as a walk along their chains needs them, which costs half as much. Those whose hash couldn't be seen to be right, because it is wrong, they are damaged or their texts unusual, have to be
   * looked at whole. May fail as allEntriesAfter does.
   */
  chainLinksAfter(after: ChainPlace, limit: number): Promise<ChainLink[]>;
  /** Grants of all accounts, by account_id and grant_id. An empty grant id is below every other. */
  allGrantsAfter(
    after: { readonly accountId: string; readonly grantId: string },
    limit: number,
  ): Promise<AuditedGrant[]>;
  /** Holds of all accounts, by account_id and hold_id, with what is to be compared with each. An empty hold id is below every other. */
  allHoldsAfter(after: { readonly accountId: string; readonly holdId: string }, limit: number): Promise<HoldToCheck[]>;
  /** By transaction_id, with what is to be compared with each. An empty id is below every other. Fails as allEntriesAfter does. */
  transactionsToCheckAfter(transactionId: string, limit: number): Promise<TransactionToCheck[]>;
  /**
   * These transactions, by transaction_id; unknown ids are left out. Fails as allEntriesAfter does.
   * @param whence a guess, which a wrong one only makes slower. Default: from all over
   */
  transactionsToCheck(transactionIds: readonly string[], whence?: Whence): Promise<TransactionToCheck[]>;
  /** The next stretch of a table in order of its ids: so many rows, or what is left; undefined at the end. An empty id is below every other. */
  stretchAfter(table: StretchedTable, id: string, limit: number): Promise<Stretch | undefined>;
  /** Ids of the rows of a stretch that the store doesn't see to be right by itself, ascending. All others would pass every check of such a row, but for a transaction's request being recorded. */
  oddRows(table: StretchedTable, stretch: Stretch): Promise<string[]>;
  /** Ids of the transactions whose request's record is missing or names something else, ascending. An empty id is below every other. */
  unrecordedAfter(transactionId: string, limit: number): Promise<string[]>;
  /** The hashes of these entries, in no order; those that don't exist are left out. */
  entryHashes(entries: readonly EntryKey[]): Promise<(EntryKey & Pick<EntryRow, "hash">)[]>;
  /** By generation_id. An empty id is below every other. Fails as allEntriesAfter does. */
  generationsToCheckAfter(generationId: string, limit: number): Promise<GenerationToCheck[]>;
  /** These generations, in no order; unknown ids are left out. Fails as allEntriesAfter does. */
  generationsToCheck(generationIds: readonly string[]): Promise<GenerationToCheck[]>;
  /** By transaction_id and position. An empty transaction id is below every other. Strays are those for which anything is missing. */
  rewardsAfter(after: RewardToCheck, limit: number, which?: Which): Promise<RewardFound[]>;
  /** By transaction_id and position. An empty transaction id is below every other. Strays are those for which anything is missing. */
  clawbacksAfter(after: ClawbackKey, limit: number, which?: Which): Promise<ClawbackToCheck[]>;
  /** By account_id, asset_id, role and day, with what the rewards and clawbacks of each sum to. */
  assetDaysToCheckAfter(after: AssetDayKey, limit: number): Promise<AssetDayToCheck[]>;
  /** Assets with users, by account_id, asset_id and role. */
  assetUsersToCheckAfter(after: CreatorAsset, limit: number): Promise<AssetUsersToCheck[]>;
  /** By caller and request_id. Strays are those without their effect. */
  requestsAfter(after: RequestKey, limit: number, which?: Which): Promise<AuditedRequest[]>;
}

/** All rows, unless told, or only strays: then the store looks at all rows that follow, however many, and hands out those that lack what belongs to them. */
export type Which = "all" | "strays";

export type StretchedTable = "transactions" | "generations";

/** Rows of a table that follow each other by their ids, which are UUIDs. */
export interface Stretch {
  /** Below the first. */
  readonly after: string;
  /** Of the last. */
  readonly upTo: string;
  /** How many there are. */
  readonly rows: number;
}

/** Whether rows follow each other in the store, with few others between. */
export type Whence = "a walk" | "from all over";

export type EntryKey = Pick<EntryRow, "accountId" | "accountVersion">;

/** An entry, and the hash that the one after it builds on, if that is of the same account. */
export type ChainPlace = EntryKey & Pick<EntryRow, "hash">;

/** An entry in its account's chain. */
export type ChainLink = SeenEntry | UnseenEntry;

/** An entry whose hash was seen to follow from all that it covers and from the entry before it, and what else is checked of it. */
export interface SeenEntry
  extends ChainPlace,
    Pick<EntryRow, "transactionId" | "amountUsdMicros" | "balanceAfterUsdMicros" | "grantMovements">,
    Pick<ChainedTransaction, "type" | "createTime"> {
  readonly isSeen: true;
}

export interface UnseenEntry extends ChainPlace {
  readonly isSeen: false;
}

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
