import { isPlatformAccount } from "../domain/accounts.js";
import { CHAIN_START, entryHash } from "../domain/ledger/chain.js";
import type { Account, ChainedTransaction, EntryRow } from "../domain/ledger/rows.js";
import type { Invariant } from "./invariants.js";
import { type Finding, finding, NOTHING } from "./violations.js";

/** Where a walk through an account's entries stands: after an entry, as stored. */
export interface ChainPosition {
  readonly version: bigint;
  readonly balanceAfterUsdMicros: bigint;
  /** Of the entries walked: other than the balance if one of them is wrong. */
  readonly sumUsdMicros: bigint;
  readonly hash: Uint8Array;
}

/** Before an account's first entry. */
export const BEFORE_FIRST_ENTRY: ChainPosition = {
  version: 0n,
  balanceAfterUsdMicros: 0n,
  sumUsdMicros: 0n,
  hash: CHAIN_START,
};

/** What an entry is to the one after it. */
type LinkedEntry = Pick<EntryRow, "accountVersion" | "amountUsdMicros" | "balanceAfterUsdMicros" | "hash">;

/** Checks one account's entries in order of version, then the account against them (rules 8.2, 8.3, 8.7). No I/O. */
export class EntryChain {
  private readonly isPlatform: boolean;
  private version: bigint;
  private balanceAfterUsdMicros: bigint;
  private sumUsdMicros: bigint;
  private last: Pick<EntryRow, "hash">;

  /** @param after where an earlier walk through its entries stopped */
  constructor(
    private readonly accountId: string,
    after: ChainPosition = BEFORE_FIRST_ENTRY,
  ) {
    this.isPlatform = isPlatformAccount(accountId);
    this.version = after.version;
    this.balanceAfterUsdMicros = after.balanceAfterUsdMicros;
    this.sumUsdMicros = after.sumUsdMicros;
    this.last = after;
  }

  /** After the last entry taken. */
  position(): ChainPosition {
    const { version, balanceAfterUsdMicros, sumUsdMicros, last } = this;
    return { version, balanceAfterUsdMicros, sumUsdMicros, hash: last.hash };
  }

  /**
   * Takes the next entry. Each is measured against the one before it as stored, so that one edited row is one finding, not a chain of them.
   * @param transaction null if there is none
   */
  follow(entry: EntryRow, transaction: ChainedTransaction | null): readonly Finding[] {
    const previousHash = this.last.hash;
    const found = [...this.take(entry)];
    const row = this.rowOf(entry.accountVersion);
    if (!transaction) {
      const detail = `names transaction ${entry.transactionId}, which doesn't exist`;
      found.push(finding("entry-has-transaction", row, detail));
    } else if (!isSame(entry.hash, entryHash(previousHash, transaction, entry))) {
      const detail = "its hash doesn't follow from its content and the entry before it";
      found.push(finding("entry-hash", row, detail));
    }
    return found;
  }

  /** Takes the next entry and checks all of it but the hash. */
  take(entry: LinkedEntry): readonly Finding[] {
    const version = this.version + 1n;
    const balanceAfterUsdMicros = this.balanceAfterUsdMicros + entry.amountUsdMicros;
    const isRight =
      entry.accountVersion === version &&
      entry.balanceAfterUsdMicros === balanceAfterUsdMicros &&
      (balanceAfterUsdMicros >= 0n || this.isPlatform);
    const found = isRight ? NOTHING : this.findingsOf(entry, balanceAfterUsdMicros);
    this.version = entry.accountVersion;
    this.balanceAfterUsdMicros = entry.balanceAfterUsdMicros;
    this.sumUsdMicros += entry.amountUsdMicros;
    this.last = entry;
    return found;
  }

  /** Compares the account with what its entries came to. */
  *close(account: Account): Generator<Finding> {
    const row = `account ${this.accountId}`;
    const { balanceUsdMicros, heldUsdMicros, version } = account;
    if (version === 0n && this.version === 0n) yield finding("account-has-entries", row, "has no entry");
    if (version > this.version) {
      yield finding("version-is-of-last-entry", this.rowOf(this.version + 1n), `is missing, up to entry ${version}`);
    } else if (version < this.version) {
      yield finding("version-is-of-last-entry", row, `is at version ${version}, its last entry is ${this.version}`);
    }
    if (balanceUsdMicros !== this.sumUsdMicros) {
      const detail = `has ${balanceUsdMicros}, its entries sum to ${this.sumUsdMicros}`;
      yield finding("balance-is-sum-of-entries", row, detail);
    }
    if (!isSame(account.chainHead, this.last.hash))
      yield finding("chain-head", row, "isn't the hash of its last entry");
    yield* this.checkBounds(row, balanceUsdMicros, heldUsdMicros);
  }

  private findingsOf(entry: LinkedEntry, expectedUsdMicros: bigint): readonly Finding[] {
    const found: Finding[] = [];
    const report = (invariant: Invariant, detail: string): void => {
      found.push(finding(invariant, this.rowOf(entry.accountVersion), detail));
    };
    if (entry.accountVersion !== this.version + 1n) found.push(this.wrongVersion(entry.accountVersion));
    if (entry.balanceAfterUsdMicros !== expectedUsdMicros) {
      report("balance-after-chains", `leaves ${entry.balanceAfterUsdMicros} instead of ${expectedUsdMicros}`);
    }
    if (entry.balanceAfterUsdMicros < 0n && !this.isPlatform) {
      report("only-platform-below-zero", `leaves ${entry.balanceAfterUsdMicros}`);
    }
    return found;
  }

  private wrongVersion(version: bigint): Finding {
    const expected = this.version + 1n;
    return version > expected
      ? finding("versions-without-gap", this.rowOf(expected), `is missing before entry ${version}`)
      : finding("versions-without-gap", this.rowOf(version), `stands where entry ${expected} should`);
  }

  private *checkBounds(row: string, balanceUsdMicros: bigint, heldUsdMicros: bigint): Generator<Finding> {
    if (balanceUsdMicros < 0n && !this.isPlatform) {
      yield finding("only-platform-below-zero", row, `has ${balanceUsdMicros}`);
    }
    const mostHeld = this.isPlatform ? 0n : balanceUsdMicros;
    if (heldUsdMicros !== 0n && (heldUsdMicros < 0n || heldUsdMicros > mostHeld)) {
      yield finding("held-within-balance", row, `holds ${heldUsdMicros} of ${balanceUsdMicros}`);
    }
  }

  private rowOf(version: bigint): string {
    return `account ${this.accountId} entry ${version}`;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
