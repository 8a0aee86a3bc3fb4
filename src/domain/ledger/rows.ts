import type { EpochMicros } from "../time.js";

/** Kind of a transaction; the proto enum has the same names. */
export type TransactionType =
  | "CREDIT"
  | "DEBIT"
  | "TRANSFER"
  | "GENERATION_SETTLEMENT"
  | "HOLD_CAPTURE"
  | "REFUND"
  | "GRANT_EXPIRY"
  | "LEGACY_IMPORT";

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
  /** No active hold and no open grant of the account ends before this; null if none ever does. Tells a batch whether to look for what is due. */
  nextExpiryTime: EpochMicros | null;
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
  /** The transaction that this one gives money back of. */
  readonly refundOfTransactionId: string;
  /** Of a settlement, the policy that its fee was worked out by. */
  readonly rewardPolicyId: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Digest of description and metadata, so that these can be erased without breaking the chain. 32 bytes. */
  readonly detailsDigest: Uint8Array;
  readonly caller: string;
  readonly requestId: string;
  /** What refunds have given back of it so far: the one thing of a transaction that changes. */
  refundedUsdMicros: bigint;
  readonly createTime: EpochMicros;
}

/** What the chains of its entries hold of a transaction: all but the texts that its digest stands for and what changes. */
export type ChainedTransaction = Omit<TransactionRow, "description" | "metadata" | "refundedUsdMicros">;

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
  /** When what is left leaves the account; null means never. */
  readonly expireTime: EpochMicros | null;
  /** The account's one grant that rewards arrive in: paid, default priority, grows again after it was spent. */
  readonly isRolling: boolean;
  /** All it ever received, money put back by refunds not counted. */
  issuedUsdMicros: bigint;
  remainingUsdMicros: bigint;
  readonly transactionId: string;
  /** Of the entry that opened it: tells the older of two grants even where one batch opened both. */
  readonly accountVersion: bigint;
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
  /** Part of the share that refunds have given back to the payer. */
  refundedUsdMicros: bigint;
  /** Part of that which the creator had left to give; the platform bore the rest. */
  clawedBackUsdMicros: bigint;
  readonly createTime: EpochMicros;
}

/** What one refund took back of one reward, dated when it was taken. */
export interface ClawbackRow {
  /** The refund. */
  readonly transactionId: string;
  /** Of the reward in its settlement. */
  readonly position: number;
  readonly accountId: string;
  readonly role: RewardRow["role"];
  readonly assetId: string;
  readonly amountUsdMicros: bigint;
  readonly createTime: EpochMicros;
}

export type HoldState = "ACTIVE" | "CAPTURED" | "RELEASED" | "EXPIRED";

/** Money set aside in an account: part of the balance, but not available. */
export interface Hold {
  readonly holdId: string;
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
  capturedUsdMicros: bigint;
  state: HoldState;
  /** The generation it lives and ends with; "" if it is a caller's own. */
  readonly generationId: string;
  readonly description: string;
  /** When it ends by itself; null for a generation's. */
  readonly expireTime: EpochMicros | null;
  readonly createTime: EpochMicros;
}
