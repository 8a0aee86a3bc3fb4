import { insufficientFunds } from "../../domain/errors.js";
import type { Account, Hold } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";

export interface PlaceHoldInput {
  readonly request: IdempotentRequest;
  readonly holdId: string;
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
  /** How long it lives. */
  readonly ttlMicros: bigint;
  readonly description: string;
}

export interface Held {
  readonly hold: Hold;
  readonly account: Account;
}

/** Sets money aside. Refuses with INSUFFICIENT_FUNDS unless that much is available. */
export function placeHold(input: PlaceHoldInput): Command<Idempotent<Held>> {
  const { request, holdId, accountId, amountUsdMicros } = input;
  return {
    name: "PlaceHold",
    requests: [request],
    accounts: () => [accountId],
    apply(set) {
      const before = recorded(set, request, holdId);
      if (before) return before;
      const availableUsdMicros = set.books.available(accountId);
      if (availableUsdMicros < amountUsdMicros) throw insufficientFunds(accountId, availableUsdMicros, amountUsdMicros);
      const hold: Hold = {
        holdId,
        accountId,
        amountUsdMicros,
        capturedUsdMicros: 0n,
        state: "ACTIVE",
        generationId: "",
        description: input.description,
        expireTime: set.now + input.ttlMicros,
        createTime: set.now,
      };
      set.books.placeHold(hold);
      set.record(request, "HOLD", holdId);
      return { kind: "done", hold: { ...hold }, account: set.books.snapshot(accountId) };
    },
  };
}
