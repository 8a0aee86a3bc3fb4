import { v7 as uuidv7 } from "uuid";
import { MICROS_PER_DAY } from "../../src/domain/time.js";
import type { Idempotent } from "../../src/ledger/command.js";
import type { Credited } from "../../src/ledger/commands/credit.js";
import { importLegacy } from "../../src/ledger/commands/import-legacy.js";
import { sweep } from "../../src/ledger/commands/sweep.js";
import type { LedgerWriter } from "../../src/ledger/writer.js";
import {
  captureOf,
  completionOf,
  creditOf,
  debitOf,
  generationOf,
  holdOf,
  refundOf,
  releaseOf,
  transferOf,
} from "../support/commands.js";

/** Ids of holds, ended grants and refunds that a test may want to tamper with. */
export interface EconomyHistory {
  /** Of holly: 1 dollar, active. */
  readonly activeHold: string;
  /** Of holly: 0.40 captured of 1 dollar. */
  readonly capturedHold: string;
  readonly capture: string;
  readonly releasedHold: string;
  readonly expiredHold: string;
  /** Of holly, pending, with a hold of 1 dollar. */
  readonly waiting: string;
  readonly waitingHold: string;
  /** Of gina: 2 dollars, 0.50 of it spent and 1.50 expired. */
  endedGrant: string;
  /** Of gina: 1 dollar, of which 0.30 was spent and given back. */
  paidGrant: string;
  readonly paidDebit: string;
  readonly paidRefund: string;
  /** Of gina, from the ended grant, with 0.20 given back. */
  readonly promotedDebit: string;
  readonly promotedRefund: string;
  /** Of sam, 1.06, of which 0.53 was given back; dora had nothing left to give. */
  readonly halfBack: string;
  readonly halfRefund: string;
  readonly transfer: string;
  readonly legacyImport: string;
}

export function newEconomyHistory(): EconomyHistory {
  const id = uuidv7;
  return {
    ...{ activeHold: id(), capturedHold: id(), capture: id(), releasedHold: id(), expiredHold: id() },
    ...{ waiting: id(), waitingHold: id(), endedGrant: "", paidGrant: "", paidDebit: id(), paidRefund: id() },
    ...{ promotedDebit: id(), promotedRefund: id(), halfBack: id(), halfRefund: id() },
    ...{ transfer: id(), legacyImport: id() },
  };
}

/** The grant that a credit opened. */
export function openedBy(credited: Idempotent<Credited> | undefined): string {
  if (credited?.kind !== "done") throw new Error("the credit wasn't done now");
  return credited.grant.grantId;
}

/** Goes on three days later than the clock stood. */
export async function writeEconomy(
  writer: LedgerWriter,
  clock: { now: bigint },
  history: EconomyHistory,
): Promise<void> {
  await setAside(writer, history);
  await letExpire(writer, clock, history);
  await giveBack(writer, history);
  await writer.submit(
    transferOf({
      ...{ fromAccountId: "holly", toAccountId: "tom", amountUsdMicros: 250_000n },
      transactionId: history.transfer,
    }),
  );
  await writer.submit(
    importLegacy({
      caller: "tests",
      transactionId: history.legacyImport,
      accountId: "lena",
      amountUsdMicros: 5_000_000n,
      externalReference: "legacy:points:lena",
      description: "old balance",
    }),
  );
}

/** Of holly, who has 10 dollars: a hold of every kind, and generations with one. */
async function setAside(writer: LedgerWriter, history: EconomyHistory): Promise<void> {
  const { activeHold, capturedHold, capture, releasedHold, expiredHold, waiting, waitingHold } = history;
  const ofHolly = { accountId: "holly", amountUsdMicros: 1_000_000n };
  await writer.submit(creditOf({ ...ofHolly, amountUsdMicros: 10_000_000n }));
  for (const holdId of [capturedHold, releasedHold, expiredHold]) await writer.submit(holdOf({ ...ofHolly, holdId }));
  await writer.submit(holdOf({ ...ofHolly, holdId: activeHold, ttlMicros: 30n * MICROS_PER_DAY }));
  await writer.submit(captureOf({ holdId: capturedHold, amountUsdMicros: 400_000n, transactionId: capture }));
  await writer.submit(releaseOf(releasedHold));
  const paid = uuidv7();
  await writer.submit(generationOf({ accountId: "holly", generationId: paid, placesHold: true }));
  await writer.submit(completionOf(paid));
  const holding = { placesHold: true, holdId: waitingHold };
  await writer.submit(generationOf({ accountId: "holly", generationId: waiting, ...holding }));
}

async function letExpire(writer: LedgerWriter, clock: { now: bigint }, history: EconomyHistory): Promise<void> {
  const promotion = { source: "PROMOTION", category: "PROMOTIONAL", expireTime: clock.now + MICROS_PER_DAY } as const;
  const ofGina = { accountId: "gina", amountUsdMicros: 2_000_000n };
  history.endedGrant = openedBy(await writer.submit(creditOf({ ...ofGina, ...promotion })));
  history.paidGrant = openedBy(await writer.submit(creditOf({ ...ofGina, amountUsdMicros: 1_000_000n })));
  const { promotedDebit, paidDebit } = history;
  await writer.submit(debitOf({ ...ofGina, amountUsdMicros: 500_000n, transactionId: promotedDebit }));
  // What a hold covers of a grant whose time is up stays in the account.
  await writer.submit(creditOf({ accountId: "otto", amountUsdMicros: 1_000_000n, ...promotion }));
  const ttlMicros = 30n * MICROS_PER_DAY;
  await writer.submit(holdOf({ accountId: "otto", amountUsdMicros: 1_000_000n, ttlMicros }));
  clock.now += 3n * MICROS_PER_DAY;
  for (const accountId of ["gina", "holly", "otto"]) await writer.submit(sweep(accountId));
  await writer.submit(debitOf({ ...ofGina, amountUsdMicros: 300_000n, transactionId: paidDebit }));
}

async function giveBack(writer: LedgerWriter, history: EconomyHistory): Promise<void> {
  const { promotedDebit, promotedRefund, paidDebit, paidRefund, halfBack, halfRefund } = history;
  await writer.submit(
    refundOf({
      ...{ refundedTransactionId: promotedDebit, transactionId: promotedRefund },
      amountUsdMicros: 200_000n,
    }),
  );
  await writer.submit(refundOf({ refundedTransactionId: paidDebit, transactionId: paidRefund }));
  const generationId = uuidv7();
  const attribution = {
    spell: { spellId: "spell-cl", ownerAccountId: "carl" },
    loras: [{ loraId: "lora-do", ownerAccountId: "dora" }],
  };
  await writer.submit(creditOf({ accountId: "sam", amountUsdMicros: 10_000_000n }));
  await writer.submit(generationOf({ accountId: "sam", generationId, attribution }));
  await writer.submit(completionOf(generationId, { transactionId: halfBack }));
  await writer.submit(debitOf({ accountId: "dora", amountUsdMicros: 30_000n }));
  await writer.submit(
    refundOf({ refundedTransactionId: halfBack, transactionId: halfRefund, amountUsdMicros: 530_000n }),
  );
}
