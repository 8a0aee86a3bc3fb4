import type { Generation } from "../../domain/generation/generation.js";
import { payersOf } from "../../domain/generation/settlement.js";
import { OWN_CALLER } from "../../domain/ledger/books.js";
import type { Command } from "../command.js";
import { accountsToSettle, settle } from "./settle.js";

export interface SettleUnpaidInput {
  readonly generationId: string;
  readonly transactionId: string;
}

/**
 * Tries once more to settle a generation that nobody could pay for, as RetryPayment does for a caller: its payer, then its fallback (rules 3.1, 3.4). Short again, nothing
 * changes. Refuses with AMOUNT_OUT_OF_RANGE.
 * @returns false if it is short again; true if it is paid, by this command or by somebody else
 */
export function settleUnpaid({ generationId, transactionId }: SettleUnpaidInput): Command<boolean> {
  const ref = { generationId, runId: "" };
  return {
    name: "SettleUnpaid",
    generations: [ref],
    accounts({ generations }) {
      const generation = generations.find(ref);
      return generation ? accountsToSettle(generation, payersOf(generation)) : [];
    },
    apply(set) {
      const generation: Generation = { ...set.generation(ref) };
      if (generation.stateReason !== "INSUFFICIENT_FUNDS" || generation.baseCostUsdMicros === null) return true;
      const order = { transactionId, caller: OWN_CALLER, requestId: "", payers: payersOf(generation) };
      return settle(set, generation, generation.baseCostUsdMicros, order).kind === "settled";
    },
  };
}
