import type { Command } from "../command.js";

export interface LegacyImportInput {
  readonly caller: string;
  readonly transactionId: string;
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
  /** "legacy:SOURCE:ACCOUNT": makes one import an account and source. */
  readonly externalReference: string;
  readonly description: string;
}

/** Brings an account's old balance in, once for each source (rules 7); a repetition is skipped. Refuses with AMOUNT_OUT_OF_RANGE. */
export function importLegacy(input: LegacyImportInput): Command<{ readonly isImported: boolean }> {
  const { accountId, amountUsdMicros, externalReference } = input;
  return {
    name: "ImportLegacyBalances",
    externalReferences: [externalReference],
    accounts: () => [accountId, "sys:legacy"],
    apply(set) {
      const before = set.transactionWithReference(externalReference);
      if (before !== undefined) return { isImported: before === input.transactionId };
      set.books.post({
        transactionId: input.transactionId,
        type: "LEGACY_IMPORT",
        externalReference,
        description: input.description,
        caller: input.caller,
        lines: [
          { accountId, amountUsdMicros },
          { accountId: "sys:legacy", amountUsdMicros: -amountUsdMicros },
        ],
      });
      set.claimExternalReference(externalReference, input.transactionId);
      return { isImported: true };
    },
  };
}
