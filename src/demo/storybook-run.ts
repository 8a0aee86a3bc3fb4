import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { divideHalfUp, formatUsd } from "../domain/money.js";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { type Generation, PricingUnit } from "../gen/stationthis/generation/v1/generation_pb.js";
import { fromTimestamp } from "../services/convert/time.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { WatchedRun } from "./watched-run.js";

/** US$ a second of an A10G, as the provider prices it. */
export const RATE_USD = "0.000337";
const RATE_USD_MICROS = 337n;
/** How long the run has been going when it is first reported. */
const SECONDS_SEEN_RUNNING = 30;

export const STORYBOOK_IMAGES = ["https://cdn.example/run-1/page-1.png", "https://cdn.example/run-1/page-2.png"];

/** Alice pays in, an A10G gets a price, and she opens a generation on it with a spell and two LoRAs of others. */
export async function openStorybookRun(screen: Screen, service: DemoService): Promise<WatchedRun> {
  const { economy, generations, rewards, idOf } = service;
  const [accountId, toolId] = [idOf("alice"), idOf("a10g")];
  const [carol, anna, ben] = [idOf("carol"), idOf("anna"), idOf("ben")];
  const attribution = {
    spell: { spellId: "storybook", ownerAccountId: carol },
    loras: [
      { loraId: "inkwash", ownerAccountId: anna },
      { loraId: "filmgrain", ownerAccountId: ben },
    ],
  };
  const credit = { accountId, amountUsdMicros: 5_000_000n, source: CreditSource.DEPOSIT };
  await economy.credit({ requestId: randomUUID(), ...credit });
  screen.step("Credit", `${accountId} pays in ${formatUsd(credit.amountUsdMicros)} US$`);

  await generations.upsertTool({ tool: { toolId, pricing: { unit: PricingUnit.SECOND, rateUsd: RATE_USD } } });
  screen.step("UpsertTool", `${toolId} costs ${RATE_USD} US$ a second`);

  const baseCostUsdMicros = BigInt(SECONDS_SEEN_RUNNING) * RATE_USD_MICROS;
  const preview = await rewards.previewRewards({ baseCostUsdMicros, accountId, attribution });
  const fee = formatUsd(preview.feeUsdMicros);
  const creators = preview.rewards.map((reward) => reward.accountId).join(", ");
  const base = `${SECONDS_SEEN_RUNNING} s cost ${formatUsd(baseCostUsdMicros)}`;
  screen.step("PreviewRewards", `${base}, plus ${fee} for ${creators}`);

  const created = await generations.createGeneration({ requestId: randomUUID(), accountId, toolId, attribution });
  screen.step("CreateGeneration", `${carol}'s spell storybook, with LoRAs by ${anna} and ${ben}`);
  return new WatchedRun(screen, service, {
    generation: present(created.generation, "generation"),
    webhookUrl: created.webhookUrl,
    runId: idOf("run-1"),
  });
}

/** Footnote to a start that is reported as earlier than it was. */
export const LIBERTY_TAKEN = `¹ A liberty taken: the start is dated back ${SECONDS_SEEN_RUNNING} s, to spare you the wait.`;

/** The run as its provider reports it, short of its end. */
export async function reportStorybookRun(run: WatchedRun, { generations }: DemoService): Promise<void> {
  await run.webhook("POST", "queued", { status: "queued", progress: 0 });
  const observeTime = timestampFromMs(Date.now() - SECONDS_SEEN_RUNNING * 1_000);
  await generations.reportProgress({ generationId: run.generationId, status: "running", observeTime });
  await run.look("ReportProgress", `running since ${SECONDS_SEEN_RUNNING} s ago ¹`);

  const running = { status: "running", live_status: "KSampler" };
  await run.webhook("POST", "running, 25 %", { ...running, progress: 0.25 });
  const early = { ...running, event_type: "run.output", progress: 0.7 };
  await run.webhook("POST", "running, 70 %, image", early, STORYBOOK_IMAGES.slice(0, 1));
}

/** How long the run was billed for, in microseconds. @throws Error if its base cost is anything but those seconds × the rate */
export function billedMicros({ startTime, endTime, baseCostUsdMicros }: Generation): bigint {
  const micros = fromTimestamp(present(endTime, "end")) - fromTimestamp(present(startTime, "start"));
  claim(baseCostUsdMicros === divideHalfUp(micros * RATE_USD_MICROS, 1_000_000n), "the base cost is seconds × rate");
  return micros;
}
