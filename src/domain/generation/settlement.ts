import { type Fee, feeOn } from "../fees.js";
import type { Line } from "../ledger/draft.js";
import type { Generation } from "./generation.js";

/** Who pays for a generation and who gets what, or who is short of what. */
export type Settlement =
  | {
      readonly kind: "payable";
      readonly chargedAccountId: string;
      readonly fee: Fee;
      readonly totalUsdMicros: bigint;
      readonly lines: readonly Line[];
    }
  | {
      readonly kind: "short";
      readonly accountId: string;
      readonly availableUsdMicros: bigint;
      readonly requiredUsdMicros: bigint;
    };

/** What decides the fee of a generation, besides its base cost and who pays. */
export type FeeTerms = Pick<Generation, "accountId" | "attribution" | "rewardPolicy">;

/** What a payer is charged. */
export interface Charge {
  readonly fee: Fee;
  /** Base and fee. */
  readonly totalUsdMicros: bigint;
}

/** What a base cost comes to for a payer. Settlements, holds and previews all ask here, so that none can differ from the others. */
export function chargeTo(payer: string, terms: FeeTerms, baseUsdMicros: bigint): Charge {
  const fee = feeOn(baseUsdMicros, terms.attribution, terms.rewardPolicy, terms.accountId, payer);
  return { fee, totalUsdMicros: baseUsdMicros + fee.feeUsdMicros };
}

/**
 * Plans the payment of a base cost (rules 3): the payers are tried in order, each against its own full amount, because the fee depends on
 * who is charged. If nobody can pay, the first one's shortfall is named.
 * @param payers at least one account id
 */
export function planSettlement(
  generation: FeeTerms,
  baseUsdMicros: bigint,
  payers: readonly string[],
  available: (accountId: string) => bigint,
): Settlement {
  let shortfall: Settlement | undefined;
  for (const payer of payers) {
    const { fee, totalUsdMicros } = chargeTo(payer, generation, baseUsdMicros);
    const availableUsdMicros = available(payer);
    if (availableUsdMicros >= totalUsdMicros) {
      const lines = settlementLines(payer, baseUsdMicros, fee);
      return { kind: "payable", chargedAccountId: payer, fee, totalUsdMicros, lines };
    }
    shortfall ??= { kind: "short", accountId: payer, availableUsdMicros, requiredUsdMicros: totalUsdMicros };
  }
  if (!shortfall) throw new Error("a settlement needs a payer");
  return shortfall;
}

/** Payer, revenue, then each creator once in listed order. */
function settlementLines(payer: string, baseUsdMicros: bigint, fee: Fee): Line[] {
  const byCreator = new Map<string, bigint>();
  for (const share of fee.shares) {
    byCreator.set(share.accountId, (byCreator.get(share.accountId) ?? 0n) + share.amountUsdMicros);
  }
  return [
    { accountId: payer, amountUsdMicros: -(baseUsdMicros + fee.feeUsdMicros) },
    { accountId: "sys:revenue", amountUsdMicros: baseUsdMicros },
    ...[...byCreator].map(([accountId, amountUsdMicros]) => ({ accountId, amountUsdMicros })),
  ];
}

/** Who is to pay, in the order they are tried. */
export function payersOf(generation: Generation): string[] {
  const { payerAccountId, fallbackPayerAccountId } = generation;
  return fallbackPayerAccountId === "" || fallbackPayerAccountId === payerAccountId
    ? [payerAccountId]
    : [payerAccountId, fallbackPayerAccountId];
}

/** Why a generation is unpaid, and what would pay for it. */
export interface PaymentFailure {
  readonly reason: "INSUFFICIENT_FUNDS" | "COST_UNDETERMINED";
  /** What the payer would be charged, fee included; 0 while the cost is unknown, like the two below. */
  readonly requiredUsdMicros: bigint;
  /** What the payer had when the payment failed. */
  readonly availableUsdMicros: bigint;
  readonly shortfallUsdMicros: bigint;
  /** Full name of the method that settles it. */
  readonly retryMethod: string;
}

const SERVICE = "stationthis.generation.v1.GenerationService";

/** The failed payment of a PAYMENT_FAILED generation; undefined in any other state. The first payer's shortfall is the one named. */
export function paymentFailureOf(generation: Generation): PaymentFailure | undefined {
  if (generation.state !== "PAYMENT_FAILED") return undefined;
  const { baseCostUsdMicros, payerAvailableUsdMicros, payerAccountId } = generation;
  if (baseCostUsdMicros === null || payerAvailableUsdMicros === null) {
    const unknown = { requiredUsdMicros: 0n, availableUsdMicros: 0n, shortfallUsdMicros: 0n };
    return { reason: "COST_UNDETERMINED", ...unknown, retryMethod: `${SERVICE}/CompleteGeneration` };
  }
  const { attribution, rewardPolicy, accountId } = generation;
  const { feeUsdMicros } = feeOn(baseCostUsdMicros, attribution, rewardPolicy, accountId, payerAccountId);
  const requiredUsdMicros = baseCostUsdMicros + feeUsdMicros;
  return {
    reason: "INSUFFICIENT_FUNDS",
    requiredUsdMicros,
    availableUsdMicros: payerAvailableUsdMicros,
    shortfallUsdMicros: requiredUsdMicros - payerAvailableUsdMicros,
    retryMethod: `${SERVICE}/RetryPayment`,
  };
}
