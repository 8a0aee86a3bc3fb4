import type { EpochMicros } from "../time.js";

/** Kind of a transaction; the proto enum has the same names. */
export type TransactionType = "CREDIT" | "DEBIT" | "GENERATION_SETTLEMENT";

export type CreditCategory = "PAID" | "PROMOTIONAL";

/** An account's money and the head of its hash chain. An account exists from its first entry on. */
export interface Account {
  readonly accountId: string;
  balanceUsdMicros: bigint;
  heldUsdMicros: bigint;
  /** Unspent promotional credit in the balance. */
  promotionalUsdMicros: bigint;
  /** Of the last entry; 0 before the first. */
  version: bigint;
  /** Hash of the last entry, 32 bytes; of zeros before the first. */
  chainHead: Uint8Array;
  readonly createTime: EpochMicros;
  updateTime: EpochMicros;
}

/** A movement of money: immutable once written. */
export interface TransactionRow {
  readonly transactionId: string;
  readonly type: TransactionType;
  /** Empty if none, as are the other texts. */
  readonly toolId: string;
  readonly generationId: string;
  readonly externalReference: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Digest of description and metadata, so that these can be erased without breaking the chain. 32 bytes. */
  readonly detailsDigest: Uint8Array;
  readonly caller: string;
  readonly requestId: string;
  readonly createTime: EpochMicros;
}

/** What one entry did to one grant of its account: [grant_id, signed micro-USD]. */
export type GrantMovement = readonly [grantId: string, amountUsdMicros: bigint];

/** One line of a transaction. */
export interface EntryRow {
  readonly transactionId: string;
  /** Order within the transaction, from 0. */
  readonly position: number;
  readonly accountId: string;
  readonly accountVersion: bigint;
  readonly amountUsdMicros: bigint;
  readonly balanceAfterUsdMicros: bigint;
  /** Sum to the amount; none for platform accounts, which have no grants. */
  readonly grantMovements: readonly GrantMovement[];
  /** SHA-256 over the entry before it and what lasts of this one. */
  readonly hash: Uint8Array;
}

/** A transaction with its entries, by position. */
export interface TransactionWithEntries {
  readonly transaction: TransactionRow;
  readonly entries: readonly EntryRow[];
}

/** Money as it was credited, and what is left of it. */
export interface Grant {
  readonly grantId: string;
  readonly accountId: string;
  readonly category: CreditCategory;
  /** 0-100, lower burns first. */
  readonly priority: number;
  /** The account's one grant that rewards arrive in: paid, default priority, grows again after it was spent. */
  readonly isRolling: boolean;
  /** All it ever received. */
  issuedUsdMicros: bigint;
  remainingUsdMicros: bigint;
  readonly transactionId: string;
  readonly createTime: EpochMicros;
}

/** One share of a fee, paid in the settlement of the same id. */
export interface RewardRow {
  readonly transactionId: string;
  /** Order within the settlement, from 0. */
  readonly position: number;
  readonly accountId: string;
  readonly role: "LORA_OWNER" | "SPELL_CREATOR";
  readonly assetId: string;
  readonly generationId: string;
  readonly userAccountId: string;
  readonly amountUsdMicros: bigint;
  readonly clawedBackUsdMicros: bigint;
  readonly createTime: EpochMicros;
}
