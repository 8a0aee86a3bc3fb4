/** The service's names of fields that old callers know under another one. */
const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ["account_id", "masterAccountId"],
  ["amount_usd_micros", "amountUsd"],
  ["tool_id", "toolId"],
  ["generation_id", "generationId"],
  ["external_reference", "externalTransactionId"],
  ["transaction_id", "transactionId"],
  ["request_id", "Idempotency-Key"],
  ["run_duration", "runDurationSeconds"],
  ["start_time", "startDate"],
  ["end_time", "endDate"],
]);

/** A field of the service's refusals, as the old body has it: `metadata["relatedItems.spellId"]` → "relatedItems.spellId". */
export function legacyFieldOf(field: string): string {
  const stored = /^metadata\["(relatedItems\..*|transactionType|rewardType)"\]$/.exec(field)?.[1];
  return stored ?? OLD_NAMES.get(field) ?? field;
}
