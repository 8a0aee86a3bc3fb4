import type { EntryCursor } from "../read-store.js";
import type { ListedEntry } from "./reads.js";

/** Reads the next slice of an account's entries below a version (undefined: from the newest), newest first. */
type ReadSlice = (accountId: string, below: bigint | undefined) => Promise<ListedEntry[]>;

interface Stream {
  readonly accountId: string;
  buffer: ListedEntry[];
  /** Everything at or above this version has been taken; undefined: nothing yet. */
  takenDownTo: bigint | undefined;
  isExhausted: boolean;
}

/** Merges the entries of one or more stored accounts, newest first, without changing the order within an account. */
export class EntryStreams {
  private readonly streams: Stream[];

  constructor(
    accountIds: readonly string[],
    cursor: EntryCursor | undefined,
    private readonly readSlice: ReadSlice,
  ) {
    this.streams = accountIds.map((accountId) => ({
      accountId,
      buffer: [],
      takenDownTo: cursor?.[accountId],
      isExhausted: cursor !== undefined && cursor[accountId] === undefined,
    }));
  }

  /** The newest entry not yet taken, or undefined at the end. */
  async next(): Promise<ListedEntry | undefined> {
    await this.fill();
    let newest: Stream | undefined;
    for (const stream of this.streams) {
      const head = stream.buffer[0];
      if (head && (!newest || isNewer(head, newest.buffer[0] as ListedEntry))) newest = stream;
    }
    const entry = newest?.buffer.shift();
    if (newest && entry) newest.takenDownTo = entry.accountVersion;
    return entry;
  }

  async isAtEnd(): Promise<boolean> {
    await this.fill();
    return this.streams.every((stream) => stream.buffer.length === 0);
  }

  /** Where another list would go on. An account that is left out has no more entries. */
  position(): EntryCursor {
    const position: Record<string, bigint> = {};
    for (const stream of this.streams) {
      const next = stream.buffer[0];
      if (next) position[stream.accountId] = next.accountVersion + 1n;
    }
    return position;
  }

  private async fill(): Promise<void> {
    for (const stream of this.streams) {
      if (stream.buffer.length > 0 || stream.isExhausted) continue;
      stream.buffer = await this.readSlice(stream.accountId, stream.takenDownTo);
      stream.isExhausted = stream.buffer.length === 0;
    }
  }
}

function isNewer(a: ListedEntry, b: ListedEntry): boolean {
  return a.createTime !== b.createTime ? a.createTime > b.createTime : a.transactionId > b.transactionId;
}
