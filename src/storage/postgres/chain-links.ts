import type { Knex } from "knex";
import { CHAIN_START, NO_DETAILS } from "../../domain/ledger/chain.js";
import { EntryHasher } from "../../domain/ledger/chain-of-bytes.js";
import type { GrantMovement, TransactionType } from "../../domain/ledger/rows.js";
import type { ChainLink, ChainPlace, SeenEntry } from "../audit-store.js";
import { movementsIn } from "../columns.js";
import { entriesWithTransactions } from "../knex/entries-to-check.js";
import { int8In, Line } from "./copy-line.js";
import { AFTER_AMOUNT, AMOUNT_START, GRANT_END, GRANT_START, isOneMovement } from "./movement-bytes.js";

/** What an entry's hash covers, in the order in which it does. */
const HASHED = [
  ...["e.account_id", "e.account_version", "e.amount_usd_micros", "e.balance_after_usd_micros", "e.position"],
  ...["e.grant_movements", "t.transaction_id", "t.type", "t.tool_id", "t.generation_id", "t.external_reference"],
  ...["t.refund_of_transaction_id", "t.caller", "t.request_id", "t.create_time", "t.reward_policy_id"],
];
const [ACCOUNT_ID, VERSION, AMOUNT, BALANCE, MOVEMENTS, TRANSACTION_ID, TYPE] = [0, 1, 2, 3, 5, 6, 7] as const;
const [REFUND_OF, CREATE_TIME, POLICY_ID] = [11, 14, 15] as const;
const [HASH, DIGEST] = [16, 17] as const;

const NONE: readonly GrantMovement[] = [];
const NONE_STORED = "[]";

/** The rows that ChainLinkReader reads. */
export function chainLinkRows(knex: Knex, after: ChainPlace, limit: number): Knex.QueryBuilder {
  // Nearly all digests are that of nothing: as null they are neither printed nor read.
  const digest = knex.raw("nullif(t.details_digest, ?)", [Buffer.from(NO_DETAILS)]);
  return entriesWithTransactions(knex, after, limit).select(...HASHED, "e.hash", digest);
}

/** Makes links of rows that follow each other, see AuditView.chainLinksAfter. Each is hashed from the bytes that it came in, and nothing is kept of it but what is asked for (docs/decisions/0034). */
export class ChainLinkReader {
  private readonly line = new Line(DIGEST + 1);
  private readonly hasher = new EntryHasher();
  private accountId: string;
  private type: TransactionType = "DEBIT";
  private previousHash: Uint8Array;
  private readonly hash = Buffer.alloc(CHAIN_START.length);

  constructor(after: ChainPlace) {
    this.accountId = after.accountId;
    this.previousHash = after.hash;
  }

  /** @param bytes with a row in them, which may change afterwards */
  read(bytes: Buffer, start: number, end: number): ChainLink {
    const { line } = this;
    line.begin(bytes, start, end);
    if (!line.is(ACCOUNT_ID, this.accountId)) {
      this.accountId = line.text(ACCOUNT_ID);
      this.previousHash = CHAIN_START;
    }
    const grantMovements = this.isPlain() ? this.hashFields() : undefined;
    // Before the hash is read, which takes the place of the one before it.
    const computed = grantMovements && this.hasher.end();
    this.previousHash = line.decodeBytea(HASH, this.hash) ? this.hash : line.bytea(HASH);
    const { accountId } = this;
    const accountVersion = line.int8(VERSION);
    if (!grantMovements || !computed || !isSame(computed, this.previousHash)) {
      return { accountId, accountVersion, hash: line.bytea(HASH), isSeen: false };
    }
    if (!line.is(TYPE, this.type)) this.type = line.ascii(TYPE) as TransactionType;
    return new SeenInLine(
      ...([accountId, accountVersion, line.int8(AMOUNT), line.int8(BALANCE), grantMovements] as const),
      ...([line.ascii(TRANSACTION_ID), this.type, line.ascii(CREATE_TIME), computed] as const),
    );
  }

  /** Whether all that is hashed is there, and the bytes that came are those that are stored: no other backslash than those of bytes and of what may be null. */
  private isPlain(): boolean {
    const { line } = this;
    const inDigest = line.isNull(DIGEST) ? 1 : 2;
    const inRefundOf = line.isNull(REFUND_OF) ? 1 : 0;
    return line.isAscii && line.backslashes === 2 + inDigest + inRefundOf;
  }

  /** @returns what the entry moves in grants; undefined if that can't be read */
  private hashFields(): readonly GrantMovement[] | undefined {
    const { line, hasher } = this;
    const digest = line.isNull(DIGEST) ? NO_DETAILS : line.bytea(DIGEST);
    hasher.begin(this.previousHash, digest, HASHED.length, line.end(POLICY_ID) - line.start(ACCOUNT_ID));
    for (let column = ACCOUNT_ID; column < MOVEMENTS; column++) this.hashField(column);
    const movements = this.hashMovements();
    for (let column = TRANSACTION_ID; column < POLICY_ID; column++) this.hashField(column);
    if (line.end(POLICY_ID) > line.start(POLICY_ID)) this.hashField(POLICY_ID);
    return movements;
  }

  private hashField(column: number): void {
    const start = this.line.start(column);
    this.hasher.add(this.line.bytes, start, this.line.isNull(column) ? start : this.line.end(column));
  }

  private hashMovements(): readonly GrantMovement[] | undefined {
    const { line, hasher } = this;
    const { bytes } = line;
    const [start, end] = [line.start(MOVEMENTS), line.end(MOVEMENTS)];
    if (line.is(MOVEMENTS, NONE_STORED)) {
      hasher.add(bytes, start, start);
      return NONE;
    }
    if (isOneMovement(bytes, start, end)) {
      const [grantStart, grantEnd] = [start + GRANT_START, start + GRANT_END];
      const [amountStart, amountEnd] = [start + AMOUNT_START, end - AFTER_AMOUNT];
      hasher.addMovement(bytes, grantStart, grantEnd, amountStart, amountEnd);
      return [[bytes.toString("latin1", grantStart, grantEnd), int8In(bytes, amountStart, amountEnd)]];
    }
    try {
      const movements = movementsIn(line.ascii(MOVEMENTS));
      hasher.addMovements(movements);
      return movements;
    } catch {
      return undefined;
    }
  }
}

/** What costs something to make, and is hardly ever asked for, is made when it is. */
class SeenInLine implements SeenEntry {
  readonly isSeen = true;

  /** @param hashText a character a byte */
  constructor(
    readonly accountId: string,
    readonly accountVersion: bigint,
    readonly amountUsdMicros: bigint,
    readonly balanceAfterUsdMicros: bigint,
    readonly grantMovements: readonly GrantMovement[],
    readonly transactionId: string,
    readonly type: TransactionType,
    private readonly createTimeText: string,
    private readonly hashText: string,
  ) {}

  get createTime(): bigint {
    return BigInt(this.createTimeText);
  }

  get hash(): Uint8Array {
    return Buffer.from(this.hashText, "latin1");
  }
}

function isSame(text: string, bytes: Uint8Array): boolean {
  if (text.length !== bytes.length) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[index]) return false;
  return true;
}
