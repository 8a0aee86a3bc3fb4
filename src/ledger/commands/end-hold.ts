import { TollgateError } from "../../domain/errors.js";
import type { Account, Hold } from "../../domain/ledger/rows.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import type { WorkingSet } from "../working-set.js";
import type { Posted } from "./debit.js";
import type { Held } from "./place-hold.js";

export interface CaptureHoldInput {
  readonly request: IdempotentRequest;
  readonly transactionId: string;
  readonly holdId: string;
  readonly amountUsdMicros: bigint;
  readonly toolId: string;
  readonly description: string;
}

/** Takes up to the hold, once, and lets go of the rest. Refuses with HOLD_NOT_FOUND, HOLD_NOT_ACTIVE, HOLD_OWNED_BY_GENERATION, AMOUNT_OUT_OF_RANGE. */
export function captureHold(input: CaptureHoldInput): Command<Idempotent<Posted & Held>> {
  const { request, transactionId, holdId, amountUsdMicros } = input;
  return {
    name: "CaptureHold",
    requests: [request],
    holds: [holdId],
    accounts: ({ accountOfHold }) => [...(accountOfHold.get(holdId) ?? []), "sys:revenue"],
    apply(set) {
      const before = recorded(set, request, transactionId);
      if (before) return before;
      const hold = requireOwnActiveHold(set, holdId);
      if (amountUsdMicros > hold.amountUsdMicros) {
        throw TollgateError.of("AMOUNT_OUT_OF_RANGE", {
          amount_usd_micros: amountUsdMicros,
          limit_usd_micros: hold.amountUsdMicros,
        });
      }
      const posted = set.books.post({
        transactionId,
        type: "HOLD_CAPTURE",
        toolId: input.toolId,
        description: input.description,
        caller: request.caller,
        requestId: request.requestId,
        lines: [
          { accountId: hold.accountId, amountUsdMicros: -amountUsdMicros },
          { accountId: "sys:revenue", amountUsdMicros },
        ],
      });
      set.books.endHold(hold, "CAPTURED", amountUsdMicros);
      set.record(request, "TRANSACTION", transactionId);
      return { kind: "done", posted, hold: { ...hold }, account: set.books.snapshot(hold.accountId) };
    },
  };
}

/** Lets go of a hold. Refuses with HOLD_NOT_FOUND, HOLD_NOT_ACTIVE, HOLD_OWNED_BY_GENERATION. */
export function releaseHold(input: {
  readonly request: IdempotentRequest;
  readonly holdId: string;
}): Command<Idempotent<Held>> {
  const { request, holdId } = input;
  return {
    name: "ReleaseHold",
    requests: [request],
    holds: [holdId],
    accounts: ({ accountOfHold }) => [...(accountOfHold.get(holdId) ?? [])],
    apply(set) {
      const before = recorded(set, request, "");
      if (before) return before;
      const hold = requireOwnActiveHold(set, holdId);
      set.books.endHold(hold, "RELEASED");
      set.record(request, "HOLD", holdId);
      const account: Account = set.books.snapshot(hold.accountId);
      return { kind: "done", hold: { ...hold }, account };
    },
  };
}

function requireOwnActiveHold(set: WorkingSet, holdId: string): Hold {
  const hold = set.books.hold(holdId);
  if (!hold) throw TollgateError.of("HOLD_NOT_FOUND", { hold_id: holdId });
  if (hold.generationId !== "") {
    throw TollgateError.of("HOLD_OWNED_BY_GENERATION", { hold_id: holdId, generation_id: hold.generationId });
  }
  if (hold.state !== "ACTIVE") throw TollgateError.of("HOLD_NOT_ACTIVE", { hold_id: holdId, state: hold.state });
  return hold;
}
