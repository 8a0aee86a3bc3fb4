import type { AuditCounts, AuditView, StretchedTable } from "../storage/audit-store.js";

/** Reads the rows that follow one in key order, at most a slice of them; undefined: the first ones. */
export type ReadAfter<Row> = (last: Row | undefined) => Promise<readonly Row[]>;

export interface WalkOptions {
  /** Whether the store reads the next slice while one is looked at, so that neither waits for the other. */
  readonly readsAhead?: boolean;
  /** Aborted, it ends all walks with the slice that they are at. */
  readonly signal?: AbortSignal;
}

/** Enough that what a statement costs by itself doesn't count, few enough that what it sorts and holds is little. */
const SLICES_IN_STRETCH = 10;

/** Walks tables in key order, a slice at a time, and counts what it has walked. */
export class Walker {
  readonly walked = {
    accounts: 0,
    entries: 0,
    grants: 0,
    holds: 0,
    transactions: 0,
    rewards: 0,
    clawbacks: 0,
    assetDays: 0,
    generations: 0,
    requests: 0,
  };

  /**
   * @param limit rows that a full slice has: a shorter one is the last
   * @param onSlice called for each slice with the rows walked so far, of all tables
   */
  constructor(
    readonly limit: number,
    private readonly onSlice: (done: number) => void,
    private readonly options: WalkOptions = {},
  ) {}

  /** The slices of a table, none of them empty. @param limit rows that a full one has */
  async *slices<Row>(
    table: keyof AuditCounts,
    readAfter: ReadAfter<Row>,
    limit = this.limit,
  ): AsyncGenerator<readonly Row[]> {
    let ahead: Promise<readonly Row[]> | undefined;
    for (let last: Row | undefined; !this.options.signal?.aborted; ) {
      const slice: readonly Row[] = await (ahead ?? readAfter(last));
      last = slice.at(-1);
      const isLast = slice.length < limit;
      ahead = this.options.readsAhead && !isLast ? readAfter(last) : undefined;
      // Thrown where it is awaited, which a walk that has failed elsewhere never does.
      ahead?.catch(() => {});
      this.passed(table, slice.length);
      if (slice.length > 0) yield slice;
      if (isLast) return;
    }
  }

  /** The rows that a read finds, a slice at a time, none of them empty: what was looked for in a table, and so isn't counted as walked. */
  async *found<Row>(readAfter: ReadAfter<Row>): AsyncGenerator<readonly Row[]> {
    for (let last: Row | undefined; !this.options.signal?.aborted; ) {
      const slice: readonly Row[] = await readAfter(last);
      if (slice.length > 0) yield slice;
      if (slice.length < this.limit) return;
      last = slice.at(-1);
    }
  }

  /** What the store finds odd among the rows of a table, at most a slice of ids at a time, none of them empty. It looks at several slices' worth of rows at once. */
  async *oddSlices(view: AuditView, table: StretchedTable): AsyncGenerator<readonly string[]> {
    for (let after = ""; !this.options.signal?.aborted; ) {
      const stretch = await view.stretchAfter(table, after, this.limit * SLICES_IN_STRETCH);
      if (!stretch) return;
      const odd = await view.oddRows(table, stretch);
      for (let start = 0; start < odd.length; start += this.limit) yield odd.slice(start, start + this.limit);
      this.passed(table, stretch.rows);
      after = stretch.upTo;
    }
  }

  /** Counts rows as walked. */
  passed(table: keyof AuditCounts, rows: number): void {
    this.walked[table] += rows;
    this.onSlice(totalOf(this.walked));
  }
}

/** Rows of all tables together. */
export function totalOf(counts: AuditCounts): number {
  return Object.values<number>({ ...counts }).reduce((sum, count) => sum + count, 0);
}

/** Rows in key order taken a run at a time, so that walks of several tables can keep in step. Holds a slice, and the next if the walk reads ahead. */
export class RowsInOrder<Row> {
  private slice: readonly Row[] = [];
  private position = 0;
  private isAtEnd = false;

  constructor(private readonly slices: AsyncGenerator<readonly Row[]>) {}

  /** The next row, which stays the next; undefined at the end. */
  async peek(): Promise<Row | undefined> {
    if (this.position === this.slice.length) await this.readSlice();
    return this.slice[this.position];
  }

  /** Leaves the row that peek has shown behind. */
  skip(): void {
    this.position++;
  }

  /** Whether the next row may be wanted, as far as can be said without reading: most accounts have a row or two, and asking must cost less than that. */
  mayHave(isWanted: (row: Row) => boolean): boolean {
    if (this.position < this.slice.length) return isWanted(this.slice[this.position] as Row);
    return !this.isAtEnd;
  }

  /** Takes the next rows as long as they are wanted, in runs of at most a slice. */
  async *takeWhile(isWanted: (row: Row) => boolean): AsyncGenerator<readonly Row[]> {
    for (;;) {
      if (this.position === this.slice.length) await this.readSlice();
      const start = this.position;
      while (this.position < this.slice.length && isWanted(this.slice[this.position] as Row)) this.position++;
      if (this.position === start) return;
      yield this.slice.slice(start, this.position);
    }
  }

  private async readSlice(): Promise<void> {
    if (this.isAtEnd) return;
    const next = await this.slices.next();
    this.isAtEnd = next.done === true;
    this.slice = next.done ? [] : next.value;
    this.position = 0;
  }
}

/** Compares texts as both stores sort them: byte by byte in UTF-8, which isn't how JavaScript compares beyond U+FFFF. */
export function compareAsStored(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  let same = 0;
  while (same < common && a.charCodeAt(same) === b.charCodeAt(same)) same++;
  if (same === common) return a.length - b.length;
  const [ofA, ofB] = [a.charCodeAt(same), b.charCodeAt(same)];
  // The two orders differ only between surrogates and what lies above them.
  if (ofA < FIRST_SURROGATE || ofB < FIRST_SURROGATE) return ofA - ofB;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const FIRST_SURROGATE = 0xd800;
