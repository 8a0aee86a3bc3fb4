import { StoreError } from "../store.js";

/** Whoever takes rows. */
export interface Holder {
  readonly hasEnded: boolean;
  /** Resolves when it has released its rows. */
  readonly ended: Promise<void>;
}

/** Which rows the transactions of one store have locked: the file itself knows only one lock, which they share (docs/decisions/0041). */
export class RowLocks {
  /** Few have any at a time. No map, since that would keep what it has held (docs/decisions/0043). */
  private locked: readonly { readonly holder: Holder; readonly keys: Set<string> }[] = [];

  /** @param waitMs how long a holder is waited for */
  constructor(private readonly waitMs: number) {}

  /**
   * Locks rows, all or none of them.
   * @param keys what they are called, distinct for all tables
   * @returns undefined if it has them now; otherwise a promise of when it has. It fails with StoreError CONFLICT if that takes too long, which two that wait for each other do
   */
  take(holder: Holder, keys: readonly string[]): Promise<void> | undefined {
    const other = this.otherHolder(holder, keys);
    if (other) return this.takeAfter(other, holder, keys);
    this.put(holder, keys);
    return undefined;
  }

  release(holder: Holder): void {
    this.locked = this.locked.filter((locked) => locked.holder !== holder);
  }

  private async takeAfter(first: Holder, holder: Holder, keys: readonly string[]): Promise<void> {
    for (let other: Holder | undefined = first; other; other = this.otherHolder(holder, keys)) {
      await endOf(other, this.waitMs);
      if (holder.hasEnded) throw new Error("a lock for a transaction that has ended");
    }
    this.put(holder, keys);
  }

  private otherHolder(holder: Holder, keys: readonly string[]): Holder | undefined {
    return this.locked.find((locked) => locked.holder !== holder && keys.some((key) => locked.keys.has(key)))?.holder;
  }

  private put(holder: Holder, keys: readonly string[]): void {
    const mine = this.locked.find((locked) => locked.holder === holder);
    if (mine) for (const key of keys) mine.keys.add(key);
    else this.locked = [...this.locked, { holder, keys: new Set(keys) }];
  }
}

async function endOf(holder: Holder, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError("CONFLICT", "sqlite: a row was locked for too long")), waitMs);
  });
  try {
    await Promise.race([holder.ended, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
