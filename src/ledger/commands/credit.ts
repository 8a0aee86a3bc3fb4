import type { PlatformAccountId } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import type { CreditSource } from "../../domain/ledger/grants.js";
import type { CreditCategory, Grant } from "../../domain/ledger/rows.js";
import type { EpochMicros } from "../../domain/time.js";
import { type Command, type Idempotent, type IdempotentRequest, recorded } from "../command.js";
import type { WorkingSet } from "../working-set.js";
import type { Posted } from "./debit.js";

export interface CreditInput {
  readonly request: IdempotentRequest;
  readonly transactionId: string;
  readonly accountId: string;
  readonly amountUsdMicros: bigint;
  readonly source: CreditSource;
  /** "" if none. */
  readonly externalReference: string;
  readonly category: CreditCategory;
  readonly priority: number;
  /** When what is left of it leaves the account; null means never. */
  readonly expireTime: EpochMicros | null;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Credited extends Posted {
  readonly grant: Grant;
}

/** The platform account on the other side of a credit (rules 8). */
const COUNTER_ACCOUNT: Record<CreditSource, PlatformAccountId> = {
  DEPOSIT: "sys:deposits",
  PURCHASE: "sys:deposits",
  PROMOTION: "sys:promotions",
  ADMIN_GIFT: "sys:adjustments",
  ADJUSTMENT: "sys:adjustments",
  COMPENSATION: "sys:adjustments",
};

/** Brings money into an account, as a grant of its own. Refuses with EXTERNAL_REFERENCE_USED, AMOUNT_OUT_OF_RANGE. */
export function credit(input: CreditInput): Command<Idempotent<Credited>> {
  const counterAccount = COUNTER_ACCOUNT[input.source];
  return {
    name: "Credit",
    requests: [input.request],
    externalReferences: input.externalReference === "" ? [] : [input.externalReference],
    accounts: () => [input.accountId, counterAccount],
    apply(set) {
      const before = recorded(set, input.request, input.transactionId);
      if (before) return before;
      requireFuture(input.expireTime, set.now);
      if (input.externalReference !== "") requireUnused(set, input.externalReference);
      const posted = set.books.post({
        transactionId: input.transactionId,
        type: "CREDIT",
        externalReference: input.externalReference,
        description: input.description,
        metadata: input.metadata,
        caller: input.request.caller,
        requestId: input.request.requestId,
        lines: [
          {
            accountId: input.accountId,
            amountUsdMicros: input.amountUsdMicros,
            grants: {
              kind: "opens",
              grant: { category: input.category, priority: input.priority, expireTime: input.expireTime },
            },
          },
          { accountId: counterAccount, amountUsdMicros: -input.amountUsdMicros },
        ],
      });
      if (input.externalReference !== "") set.claimExternalReference(input.externalReference, input.transactionId);
      set.record(input.request, "TRANSACTION", input.transactionId);
      return {
        kind: "done",
        posted,
        account: set.books.snapshot(input.accountId),
        grant: { ...(set.books.grants.openedBy(input.transactionId, input.accountId) as Grant) },
      };
    },
  };
}

function requireFuture(expireTime: EpochMicros | null, now: EpochMicros): void {
  if (expireTime === null || expireTime > now) return;
  throw TollgateError.invalid([{ field: "expire_time", description: "takes a time to come" }]);
}

/** @throws TollgateError EXTERNAL_REFERENCE_USED */
function requireUnused(set: WorkingSet, externalReference: string): void {
  const transactionId = set.transactionWithReference(externalReference);
  if (transactionId === undefined) return;
  throw TollgateError.of("EXTERNAL_REFERENCE_USED", {
    external_reference: externalReference,
    transaction_id: transactionId,
  });
}
