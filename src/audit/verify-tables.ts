import type { AuditedRequest, AuditView, GenerationToCheck, TransactionToCheck } from "../storage/audit-store.js";
import { checkGeneration } from "./generation-checks.js";
import { checkClawback } from "./refund-checks.js";
import { checkRequest, checkReward, checkTransaction } from "./transaction-checks.js";
import type { Findings } from "./violations.js";

/** A table that is walked for what no account's entries show: what has no entry, or names one that is gone. */
export interface VerifiedTable {
  /** Stands in positions. */
  readonly name: string;
  /**
   * Checks the rows after a key, at most `limit`.
   * @param after columns of the last row's key; none: from the first row
   * @returns the keys of the rows, in order
   */
  verifyAfter(
    view: AuditView,
    after: readonly string[],
    limit: number,
    report: (findings: Findings) => void,
  ): Promise<(readonly string[])[]>;
}

/** In the order in which they are walked. */
export const VERIFIED_TABLES: readonly VerifiedTable[] = [
  verified<TransactionToCheck>("transactions", {
    read: (view, [transactionId = ""], limit) => view.transactionsToCheckAfter(transactionId, limit),
    keyOf: ({ transaction }) => [transaction.transactionId],
    // The others have been checked with their entries.
    check: (row) => (row.postings.length === 0 ? checkTransaction(row) : []),
  }),
  verified("rewards", {
    read: (view, [transactionId = "", position = "0"], limit) =>
      view.rewardsAfter({ transactionId, position: Number(position) }, limit),
    keyOf: ({ transactionId, position }) => [transactionId, String(position)],
    check: checkReward,
  }),
  verified("clawbacks", {
    read: (view, [transactionId = "", position = "0"], limit) =>
      view.clawbacksAfter({ transactionId, position: Number(position) }, limit),
    keyOf: ({ transactionId, position }) => [transactionId, String(position)],
    check: checkClawback,
  }),
  verified<AuditedRequest>("requests", {
    read: (view, [caller = "", requestId = ""], limit) => view.requestsAfter({ caller, requestId }, limit),
    keyOf: ({ caller, requestId }) => [caller, requestId],
    check: checkRequest,
  }),
  verified<GenerationWithSettlements>("generations", {
    read: async (view, [generationId = ""], limit) =>
      withSettlements(view, await view.generationsToCheckAfter(generationId, limit)),
    keyOf: ({ generation }) => [generation.generationId],
    check: ({ generation, settlements }) => checkGeneration(generation, settlements),
  }),
];

interface GenerationWithSettlements {
  readonly generation: GenerationToCheck;
  readonly settlements: readonly string[];
}

async function withSettlements(
  view: AuditView,
  generations: readonly GenerationToCheck[],
): Promise<GenerationWithSettlements[]> {
  const settlements = await view.settlementsOf(generations.map(({ generationId }) => generationId));
  return generations.map((generation) => ({
    generation,
    settlements: settlements.filter(([id]) => id === generation.generationId).map(([, settlement]) => settlement),
  }));
}

function verified<Row>(
  name: string,
  {
    read,
    keyOf,
    check,
  }: {
    readonly read: (view: AuditView, after: readonly string[], limit: number) => Promise<readonly Row[]>;
    readonly keyOf: (row: Row) => readonly string[];
    readonly check: (row: Row) => Findings;
  },
): VerifiedTable {
  return {
    name,
    async verifyAfter(view, after, limit, report) {
      const rows = await read(view, after, limit);
      for (const row of rows) report(check(row));
      return rows.map(keyOf);
    },
  };
}
