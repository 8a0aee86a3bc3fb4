import { insufficientFunds } from "../../domain/errors.js";
import type { Account, TransactionWithEntries } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";

export interface TransferInput {
  readonly request: IdempotentRequest;
  readonly transactionId: string;
  readonly fromAccountId: string;
  /** Another account. */
  readonly toAccountId: string;
  readonly amountUsdMicros: bigint;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Transferred {
  readonly posted: TransactionWithEntries;
  readonly from: Account;
  readonly to: Account;
}

/** Moves money between two accounts; it arrives as paid money that never expires (rules 5.4). Refuses with INSUFFICIENT_FUNDS, AMOUNT_OUT_OF_RANGE. */
export function transfer(input: TransferInput): Command<Idempotent<Transferred>> {
  const { request, transactionId, fromAccountId, toAccountId, amountUsdMicros } = input;
  return {
    name: "Transfer",
    requests: [request],
    accounts: () => [fromAccountId, toAccountId],
    apply(set) {
      const before = recorded(set, request, transactionId);
      if (before) return before;
      const availableUsdMicros = set.books.available(fromAccountId);
      if (availableUsdMicros < amountUsdMicros) {
        throw insufficientFunds(fromAccountId, availableUsdMicros, amountUsdMicros);
      }
      const posted = set.books.post({
        transactionId,
        type: "TRANSFER",
        description: input.description,
        metadata: input.metadata,
        caller: request.caller,
        requestId: request.requestId,
        lines: [
          { accountId: fromAccountId, amountUsdMicros: -amountUsdMicros },
          { accountId: toAccountId, amountUsdMicros },
        ],
      });
      set.record(request, "TRANSACTION", transactionId);
      return { kind: "done", posted, from: set.books.snapshot(fromAccountId), to: set.books.snapshot(toAccountId) };
    },
  };
}
