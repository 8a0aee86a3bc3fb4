import type { ChainedTransaction, EntryRow } from "../domain/ledger/rows.js";
import type { AuditView, EntryKey } from "../storage/audit-store.js";
import { compareAsStored } from "./slices.js";

type EntryWithTransaction = readonly [EntryRow, ChainedTransaction | null];

/** Reads entries whole that a walk comes across and can't do with less of. A slice at a time, as where there is one of them others are close; holds that slice. */
export class WholeEntries {
  private slice: readonly EntryWithTransaction[] = [];
  private position = 0;

  constructor(
    private readonly view: AuditView,
    private readonly sliceRows: number,
  ) {}

  /**
   * @param key of an entry that exists, behind all that were asked for earlier
   * @param before of the entry before it, or of none
   */
  async of(key: EntryKey, before: EntryKey): Promise<EntryWithTransaction> {
    const known = this.skipTo(key);
    if (known) return known;
    this.slice = await this.view.allEntriesAfter(before, this.sliceRows);
    this.position = 0;
    return this.slice[0] as EntryWithTransaction;
  }

  private skipTo(key: EntryKey): EntryWithTransaction | undefined {
    for (; this.position < this.slice.length; this.position++) {
      const known = this.slice[this.position] as EntryWithTransaction;
      if (compareKeys(known[0], key) >= 0) return known;
    }
    return undefined;
  }
}

function compareKeys(a: EntryKey, b: EntryKey): number {
  return compareAsStored(a.accountId, b.accountId) || Number(a.accountVersion - b.accountVersion);
}
