import { expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import type { Invariant } from "../../src/audit/invariants.js";
import { describeStores } from "../support/stores.js";
import type { History } from "./history.js";
import { writtenHistory } from "./written-history.js";

/** Something done to the store behind the service's back, and what the audit has to say about it. */
export interface Tampering {
  readonly what: string;
  readonly sql: (history: History) => readonly string[];
  /** Invariants and the first rows that break them. */
  readonly found: (history: History) => readonly (readonly [Invariant, string])[];
}

export const ENTRY_COLUMNS =
  "transaction_id, position, account_id, account_version, amount_usd_micros, balance_after_usd_micros, grant_movements, hash";

/** Declares a test for each tampering, on every backend, of the same history: each tampering is undone before the next. */
export function testTamperings(ofWhat: string, tamperings: readonly Tampering[]): void {
  describeStores(`tampering with ${ofWhat}`, (makeDatabase) => {
    const written = writtenHistory(makeDatabase);

    it.each(tamperings)("shows when $what", async ({ sql, found }) => {
      for (const statement of sql(written.history)) await written.database.tamper(statement);
      const { violations } = await auditLedger(written.store, { sliceRows: 5 });
      const rows = violations.map(({ invariant, row }) => [invariant, row]);
      expect(rows).toEqual(expect.arrayContaining([...found(written.history)]));
    });
  });
}
