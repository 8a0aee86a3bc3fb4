import { randomUUID } from "node:crypto";
import { formatUsd } from "../domain/money.js";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { type Generation, GenerationState } from "../gen/stationthis/generation/v1/generation_pb.js";
import type { Cast } from "../gen/stationthis/generation/v1/generation_service_pb.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import { receiptRows, rewardsOf, showRows, totalsRow } from "./receipt.js";
import type { Screen } from "./screen.js";
import { attributionOf, SPELL_STEPS, type SpellStep, toolOf } from "./spell-steps.js";
import { imageOutputs, sendWebhook } from "./webhook.js";

const PAID_IN_USD_MICROS = 1_000_000n;

/**
 * A spell runs as three generations of one cast: each is charged by itself, and the cast is their sum.
 * @returns the paid steps, in their order
 */
export async function castAct(screen: Screen, service: DemoService): Promise<readonly Generation[]> {
  const { economy, generations, idOf } = service;
  const [accountId, castId] = [idOf("dana"), idOf("cast-1")];
  screen.heading("3. A spell of three steps");
  const payment = { accountId, amountUsdMicros: PAID_IN_USD_MICROS, source: CreditSource.DEPOSIT };
  await economy.credit({ requestId: randomUUID(), ...payment });
  screen.step("Credit", `${accountId} pays in ${formatUsd(PAID_IN_USD_MICROS)} US$`);
  for (const [index, step] of SPELL_STEPS.entries()) {
    const result = await runStep(service, step, { accountId, castId, stepIndex: index });
    screen.step("CreateGeneration", `step ${index} of ${castId}: ${step.name}, ${step.rateUsd} US$ a run`);
    screen.step("POST webhook", `success → ${result}`);
  }

  const { generations: steps, cast } = await generations.listGenerations({ accountId, castId });
  screen.step("ListGenerations", `the ${steps.length} steps of ${castId}, and what they come to`);
  await showCast(screen, service, steps, present(cast, "cast"));
  return steps;
}

/** Opens the step as its spell does, and ends it as its provider does. @returns what the bridge answered */
async function runStep(
  service: DemoService,
  step: SpellStep,
  place: { readonly accountId: string; readonly castId: string; readonly stepIndex: number },
): Promise<string> {
  const { generations, idOf } = service;
  await generations.upsertTool({ tool: toolOf(service, step) });
  const attribution = attributionOf(service, step);
  const toolId = idOf(step.name);
  const created = await generations.createGeneration({ requestId: randomUUID(), ...place, toolId, attribution });
  const runId = `${place.castId}-${step.name}`;
  const outputs = imageOutputs(runId, [`https://cdn.example/${runId}/page.png`]);
  const event = { event_type: "run.updated", status: "success", run_id: runId, outputs };
  const { result } = await sendWebhook(created.webhookUrl, "POST", event);
  claim(result === "completed", "a step that can be paid for is completed by its webhook");
  return result;
}

async function showCast(screen: Screen, service: DemoService, steps: readonly Generation[], cast: Cast): Promise<void> {
  claim(cast.state === GenerationState.COMPLETED, "a cast is COMPLETED once all of its steps are paid for");
  const sumOf = (amount: (step: Generation) => bigint): bigint => steps.reduce((sum, step) => sum + amount(step), 0n);
  claim(cast.baseCostUsdMicros === sumOf((step) => step.baseCostUsdMicros), "a cast's base is that of its steps");
  claim(cast.feeUsdMicros === sumOf((step) => step.feeUsdMicros), "a cast's fee is that of its steps");
  claim(cast.totalCostUsdMicros === sumOf((step) => step.totalCostUsdMicros), "a cast's total is that of its steps");

  const creators = [service.idOf("carol"), service.idOf("anna"), service.idOf("ben")];
  const sections: string[][][] = [];
  for (const [index, { name, rateUsd, fee }] of SPELL_STEPS.entries()) {
    const step = present(steps[index], `step ${index}`);
    claim(step.stepIndex === index, "a cast's steps are listed in their order");
    const rewards = await rewardsOf(service, step.transactionId, creators);
    const formulas = { base: `step ${index}, ${name}: 1 run × ${rateUsd} US$`, fee };
    sections.push(receiptRows(step, rewards, formulas, service.points));
  }
  const summary = `of ${cast.castId}: base ${formatUsd(cast.baseCostUsdMicros)}, fee ${formatUsd(cast.feeUsdMicros)}`;
  sections.push([totalsRow(summary, cast.totalCostUsdMicros, service.points)]);
  showRows(screen, "Receipt of a cast", sections);
}
