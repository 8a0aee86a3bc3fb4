import type { Generation, GenerationEvent } from "../domain/generation/generation.js";
import type { BookChanges } from "../domain/ledger/books.js";
import type { Refundable } from "../domain/ledger/refund.js";
import type { Account, ClawbackRow, Grant, Hold, RewardRow, TransactionRow } from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";
import type { AuditStore } from "./audit-store.js";
import type { ReadStore, RewardPolicyStore, ToolStore } from "./read-store.js";

/*
 * What the floors above know of storage: the ledger here, reads and the audit in files of their own. Each sentence of a contract is a case of the conformance suite (test/conformance), which runs on
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
  readonly externalReferences: readonly string[];
  readonly generations: readonly GenerationRef[];
  readonly holds: readonly string[];
  /** Transactions to give back. */
  readonly transactions: readonly string[];
}

export interface LoadedKeys {
  readonly externalReferences: readonly { readonly externalReference: string; readonly transactionId: string }[];
  readonly generations: readonly Generation[];
  readonly holds: readonly { readonly holdId: string; readonly accountId: string }[];
  readonly transactions: readonly { readonly transactionId: string; readonly accountIds: readonly string[] }[];
}

/** What earlier requests did, and when the store was asked. */
export interface LoadedRequests {
  /** The store's clock. */
  readonly clock: EpochMicros;
  readonly requests: readonly RequestRecord[];
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

/**
 * One database transaction of the ledger writer. Calls come in this order: loadKeys, loadAccounts, loadRequests, the other loads, save. They are carried out in the order they are made in, so one that
 * needs nothing of another's answer needn't wait for it; if one fails, so do those after it.
 */
export interface LedgerTransaction {
  /**
   * Reads used external references, then reads and locks generations by id or run id, in order of generation_id.
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
   * Reads idempotency records; unknown ones are left out. Only once everything is locked that the batch locks: two copies of a request want the same locks, so the second, which waited for them, finds
   * here what the first one did, and isn't refused for it.
   */
  loadRequests(requests: readonly RequestKey[]): Promise<LoadedRequests>;
  /**
   * Reads the first open grants of accounts in burn order, at most `limitPerAccount` of each, and each account's rolling grant, open or not. Only under the accounts' locks.
   * A store may remember grants as long as their account's chain head stays the same: whoever changes a grant writes an entry.
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
   * Writes everything with a fixed, small number of set-based statements, and adds new rewards and clawbacks to what their assets earned that day. A row opened twice (by another instance) is a StoreError CONFLICT.
   * @param isLast whether nothing comes after it, so that the store may commit along with it instead of waiting for its answer first
   */
  save(changes: BatchChanges, isLast?: boolean): Promise<void>;
}

/** How one writer best feeds a store with transactions. */
export interface Pacing {
  /** How many it gains from running at once; more would only wait for each other. At least 1. */
  readonly transactionsAtOnce: number;
  /** Commands that make a transaction worth running beside others; fewer should wait for one of these to end and go along with what has come by then. */
  readonly leastShare: number;
  /**
   * Whether one should load as soon as the one before has, while that is still applied: else a store that does one thing at a time has nothing to do meanwhile. Where each has a connection of its own,
   * the rows would only be locked for longer.
   */
  readonly loadsAhead: boolean;
}

/** Writes of the ledger. */
export interface LedgerStore {
  /**
   * Runs `work` in one transaction and commits it durably before resolving; if `work` throws, nothing is written and its error comes out.
   * Fails with StoreError; CONFLICT and UNAVAILABLE may be tried again whole.
   */
  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T>;
  readonly pacing: Pacing;
  /** Time of the newest transaction or generation; 0 in an empty store. A writer starts its clock there. */
  newestTime(): Promise<EpochMicros>;
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
