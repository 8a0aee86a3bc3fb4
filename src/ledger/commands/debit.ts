import { insufficientFunds } from "../../domain/errors.js";
import type { Account, TransactionWithEntries } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";

export interface DebitInput {
  readonly request: IdempotentRequest;
  readonly transactionId: string;
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
  readonly toolId: string;
  readonly generationId: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Posted {
  readonly posted: TransactionWithEntries;
  readonly account: Account;
}

/** Takes money from an account and gives it to the platform's revenue. Refuses with INSUFFICIENT_FUNDS. */
export function debit(input: DebitInput): Command<Idempotent<Posted>> {
  return {
    name: "Debit",
    requests: [input.request],
    accounts: () => [input.accountId, "sys:revenue"],
    apply(set) {
      const before = recorded(set, input.request, input.transactionId);
      if (before) return before;
      const availableUsdMicros = set.books.available(input.accountId);
      if (availableUsdMicros < input.amountUsdMicros) {
        throw insufficientFunds(input.accountId, availableUsdMicros, input.amountUsdMicros);
      }
      const posted = set.books.post({
        transactionId: input.transactionId,
        type: "DEBIT",
        toolId: input.toolId,
        generationId: input.generationId,
        description: input.description,
        metadata: input.metadata,
        caller: input.request.caller,
        requestId: input.request.requestId,
        lines: [
          { accountId: input.accountId, amountUsdMicros: -input.amountUsdMicros },
          { accountId: "sys:revenue", amountUsdMicros: input.amountUsdMicros },
        ],
      });
      set.record(input.request, "TRANSACTION", input.transactionId);
      return { kind: "done", posted, account: set.books.snapshot(input.accountId) };
    },
  };
}
