import { randomUUID } from "node:crypto";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { readConfig } from "../config.js";
import { MICROS_PER_DAY } from "../domain/time.js";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationState, Outcome } from "../gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../gen/stationthis/generation/v1/generation_service_pb.js";
import { LedgerWriter } from "../ledger/writer.js";
import { checkRequest } from "../rpc/validation/check.js";
import { nowMicros } from "../services/convert/time.js";
import { economyService } from "../services/economy/economy-service.js";
import { generationService } from "../services/generation/generation-service.js";
import { PageTokens } from "../services/page-token.js";
import { openStore } from "../storage/open.js";
import { claim } from "./claim.js";
import { datedBy, type HandSetClock } from "./hand-set-clock.js";
import { attributionOf, COLOUR, SKETCH, SPELL_STEPS, type SpellStep, toolOf } from "./spell-steps.js";

/** What eve ran, and how many days before the demo. */
const DAYS: readonly { readonly daysAgo: number; readonly ran: readonly SpellStep[] }[] = [
  { daysAgo: 26, ran: [SKETCH, SKETCH] },
  { daysAgo: 19, ran: [COLOUR] },
  { daysAgo: 12, ran: [SKETCH, SKETCH, SKETCH] },
  { daysAgo: 8, ran: [COLOUR, COLOUR] },
  { daysAgo: 3, ran: [SKETCH, SKETCH, SKETCH, SKETCH] },
];

export const EARLIER_DAYS = DAYS.length;

const NAMES = { idOf: (name: string): string => name };

/**
 * Fills an empty store with a few settlements of the month before, so that a creator has a month to look at. They are settled by the same handlers and the same writer as all others;
 * only the store's clock is set by hand. The service itself has no such setting.
 */
export async function playEarlierDays(databaseUrl: string): Promise<void> {
  const store = openStore(databaseUrl);
  const clock: HandSetClock = { now: 0n };
  const writer = new LedgerWriter(datedBy(clock, store));
  try {
    await store.migrate();
    const dependencies = {
      writer,
      store,
      points: readConfig({}, { databaseUrl }).usdPerPoint,
      pageTokens: new PageTokens(new Uint8Array(32)),
      checkRequest,
      webhookUrlOf: () => "",
    };
    const transport = createRouterTransport((router) => {
      router.service(EconomyService, economyService(dependencies));
      router.service(GenerationService, generationService(dependencies));
    });
    const generations = createClient(GenerationService, transport);
    const economy = createClient(EconomyService, transport);
    const run = async (step: SpellStep): Promise<void> => {
      const attribution = attributionOf(NAMES, step);
      const job = { accountId: "eve", toolId: step.name, attribution };
      const opened = await generations.createGeneration({ requestId: randomUUID(), ...job });
      const generationId = opened.generation?.generationId ?? "";
      const { generation } = await generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
      claim(generation?.state === GenerationState.COMPLETED, "every settlement of the earlier days was paid");
    };

    for (const step of SPELL_STEPS) await generations.upsertTool({ tool: toolOf(NAMES, step) });
    const today = nowMicros();
    for (const { daysAgo, ran } of DAYS) {
      clock.now = today - BigInt(daysAgo) * MICROS_PER_DAY;
      const payment = { accountId: "eve", amountUsdMicros: 200_000n, source: CreditSource.DEPOSIT };
      await economy.credit({ requestId: randomUUID(), ...payment });
      for (const step of ran) await run(step);
    }
  } finally {
    await writer.close();
    await store.close();
  }
}
