import type { Knex } from "knex";
import type { RewardPolicy } from "../../domain/fees.js";
import type { GenerationToCheck } from "../audit-store.js";
import { GENERATIONS } from "../tables.js";
import { type AuditReader, int8In, textIn, uuidIn, type Values } from "./audit-reader.js";
import { unreadable } from "./unreadable.js";

/** These, as far as they exist. */
export async function generationsOf(
  knex: Knex,
  reader: AuditReader,
  generationIds: readonly string[],
): Promise<GenerationToCheck[]> {
  if (generationIds.length === 0) return [];
  return reader.values(rows(knex).whereIn("generation_id", generationIds), generationIn);
}

/** Those that follow one, by generation_id. */
export function generationsAfter(
  knex: Knex,
  reader: AuditReader,
  generationId: string,
  limit: number,
): Promise<GenerationToCheck[]> {
  const following = rows(knex).where("generation_id", ">", generationId).orderBy("generation_id").limit(limit);
  return reader.values(following, generationIn);
}

/** The columns that settlements are compared with, in the order in which they are taken from a row below. */
function rows(knex: Knex) {
  return knex(GENERATIONS.name).select(
    ...["generation_id", "state", "pricing_unit", "charged_account_id", "transaction_id"],
    ...["base_cost_usd_micros", "fee_usd_micros", "reward_policy"],
  );
}

function generationIn(values: Values): GenerationToCheck {
  return {
    generationId: textIn(values[0]),
    state: values[1] as GenerationToCheck["state"],
    pricingUnit: values[2] as GenerationToCheck["pricingUnit"],
    chargedAccountId: textIn(values[3]),
    transactionId: uuidIn(values[4]),
    baseCostUsdMicros: values[5] === null ? null : int8In(values[5]),
    feeUsdMicros: int8In(values[6]),
    rewardPolicyId: policyIdIn(values),
  };
}

function policyIdIn(values: Values): string {
  try {
    return (JSON.parse(textIn(values[7])) as RewardPolicy).policyId;
  } catch (cause) {
    throw unreadable(GENERATIONS, { generation_id: values[0] }, cause);
  }
}
