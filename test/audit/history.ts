import { v7 as uuidv7 } from "uuid";
import type { Pricing } from "../../src/domain/pricing.js";
import { reportProgress } from "../../src/ledger/commands/report-progress.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { LedgerStore } from "../../src/storage/store.js";
import { completionOf, creditOf, debitOf, generationOf, request, retryOf } from "../support/commands.js";
import { withClock } from "../support/store-faults.js";
import { type EconomyHistory, newEconomyHistory, openedBy, writeEconomy } from "./economy-history.js";

export const FREE: Pricing = { unit: "FREE", rateUsd: "", multiplier: "1", minimumChargeUsdMicros: 0n };

/** Ids of what a test may want to tamper with. */
export interface History extends EconomyHistory {
  readonly deposit: string;
  /** The grant that it opened. */
  depositGrant: string;
  readonly promotion: string;
  promotionGrant: string;
  readonly debit: string;
  /** Of alice, with carol's spell and LoRAs of dave and erin. */
  readonly settled: string;
  readonly settlement: string;
  /** Paid on retry, after zed had no money. */
  readonly retried: string;
  readonly free: string;
  readonly pending: string;
  readonly failed: string;
  readonly paymentFailed: string;
}

/**
 * A history with something of everything, the same every time. Of alice: entry 1 is a deposit of 10 dollars, 2 a promotion of 0.50, 3 a debit of 0.60,
 * 4 the settlement of 1.06.
 * @param start when it begins; it takes 3 days
 */
export async function writeHistory(store: LedgerStore, start = 1_700_000_000_000_000n): Promise<History> {
  const clock = { now: start };
  const writer = new LedgerWriter(withClock(store, clock));
  const history: History = {
    ...newEconomyHistory(),
    deposit: uuidv7(),
    depositGrant: "",
    promotion: uuidv7(),
    promotionGrant: "",
    debit: uuidv7(),
    settled: uuidv7(),
    settlement: uuidv7(),
    retried: uuidv7(),
    free: uuidv7(),
    pending: uuidv7(),
    failed: uuidv7(),
    paymentFailed: uuidv7(),
  };
  await fund(writer, history);
  await runGenerations(writer, history);
  await payLater(writer, history);
  await writeEconomy(writer, clock, history);
  await writer.close();
  return history;
}

async function fund(writer: LedgerWriter, history: History): Promise<void> {
  const { deposit, promotion, debit } = history;
  const [deposited, promoted] = await Promise.all([
    writer.submit(
      creditOf({
        accountId: "alice",
        amountUsdMicros: 10_000_000n,
        transactionId: deposit,
        request: request("deposit-of-alice"),
        externalReference: "0xabc",
        description: "first deposit",
        metadata: { chain: "1", wallet: "0xdef" },
      }),
    ),
    writer.submit(
      creditOf({
        accountId: "alice",
        amountUsdMicros: 500_000n,
        transactionId: promotion,
        source: "PROMOTION",
        category: "PROMOTIONAL",
      }),
    ),
    writer.submit(creditOf({ accountId: "bob", amountUsdMicros: 3_000_000n, source: "ADMIN_GIFT" })),
  ]);
  history.depositGrant = openedBy(deposited);
  history.promotionGrant = openedBy(promoted);
  await writer.submit(debitOf({ accountId: "alice", amountUsdMicros: 600_000n, transactionId: debit }));
}

async function runGenerations(writer: LedgerWriter, history: History): Promise<void> {
  const { settled, settlement, free, pending, failed } = history;
  const [cancelled, running] = [uuidv7(), uuidv7()];
  const attribution = {
    spell: { spellId: "spell-c", ownerAccountId: "carol" },
    loras: [
      { loraId: "lora-d", ownerAccountId: "dave" },
      { loraId: "lora-e", ownerAccountId: "erin" },
    ],
  };
  await Promise.all([
    writer.submit(generationOf({ accountId: "alice", generationId: settled, attribution })),
    writer.submit(generationOf({ accountId: "alice", generationId: free, pricing: FREE })),
    ...[pending, failed, cancelled, running].map((generationId) =>
      writer.submit(generationOf({ accountId: "bob", generationId })),
    ),
  ]);
  await Promise.all([
    writer.submit(completionOf(settled, { transactionId: settlement })),
    writer.submit(completionOf(free)),
    writer.submit(completionOf(failed, { outcome: "FAILED" })),
    writer.submit(completionOf(cancelled, { outcome: "CANCELLED" })),
    writer.submit(
      reportProgress({ generationId: running, runId: "" }, { status: "running", liveStatus: "", outputs: [] }),
    ),
  ]);
  // Rewards arrive in the creator's rolling grant, which is spent and grows again.
  await writer.submit(debitOf({ accountId: "carol", amountUsdMicros: 30_000n }));
}

async function payLater(writer: LedgerWriter, { retried, paymentFailed }: History): Promise<void> {
  const byFallback = uuidv7();
  const attribution = { loras: [{ loraId: "lora-c", ownerAccountId: "carol" }] };
  await Promise.all([
    writer.submit(generationOf({ accountId: "zed", generationId: retried, attribution })),
    writer.submit(generationOf({ accountId: "zed", generationId: paymentFailed })),
    writer.submit(generationOf({ accountId: "yan", generationId: byFallback, fallbackPayerAccountId: "bob" })),
  ]);
  for (const generationId of [retried, paymentFailed, byFallback]) await writer.submit(completionOf(generationId));
  await writer.submit(creditOf({ accountId: "zed", amountUsdMicros: 1_100_000n }));
  await writer.submit(retryOf({ generationId: retried }));
}
