import type { Message } from "@bufbuild/protobuf";
import { TollgateError } from "../../domain/errors.js";
import { MAX_OPERATION_USD_MICROS } from "../../domain/money.js";
import { MESSAGE_RULES } from "./messages.js";
import { Problems } from "./rules.js";

/**
 * Checks a request against its table.
 * @throws TollgateError INVALID_FIELDS with everything that is wrong; AMOUNT_OUT_OF_RANGE if that is all
 */
export function checkRequest(message: Message): void {
  const rules = MESSAGE_RULES.get(message.$typeName);
  if (!rules) throw new Error(`${message.$typeName} has no table in messages.ts`);
  const problems = new Problems();
  rules.check(message as never, problems);
  if (problems.violations.length > 0) throw TollgateError.invalid(problems.violations);
  if (problems.amountOverLimit !== undefined) {
    throw TollgateError.of("AMOUNT_OUT_OF_RANGE", {
      amount_usd_micros: problems.amountOverLimit,
      limit_usd_micros: MAX_OPERATION_USD_MICROS,
    });
  }
}
