import { randomUUID } from "node:crypto";
import { ConnectError } from "@connectrpc/connect";
import { formatUsd } from "../domain/money.js";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, PricingUnit } from "../gen/stationthis/generation/v1/generation_pb.js";
import { balancesOf, showTransaction } from "./balances.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { showReleased, WatchedRun } from "./watched-run.js";

const RATE_USD = "0.02";
const TOP_UP_USD_MICROS = 1_000_000n;
const IMAGES = ["https://cdn.example/run-2/poster.png"];

/** A success that nobody can pay for is withheld until somebody does. */
export async function unpaidAct(screen: Screen, service: DemoService): Promise<void> {
  const { economy, generations, idOf } = service;
  const [bob, carol] = [idOf("bob"), idOf("carol")];
  screen.heading("2. Not paid for, so not released");
  const run = await openPosterRun(screen, service);
  const { generationId } = run;
  const { generation: unpaid } = await run.webhook("POST", "success, image", { status: "success" }, IMAGES);
  claim(unpaid.state === GenerationState.PAYMENT_FAILED, "a success that nobody can pay for is PAYMENT_FAILED");
  claim(unpaid.stateReason === "INSUFFICIENT_FUNDS", "it says what is missing");

  const retry = { requestId: randomUUID(), generationId };
  const shortfall = await shortfallOf(generations.retryPayment(retry));
  claim(shortfall === 21_200n, "the shortfall is the base and 6 % of it");
  await run.look("RetryPayment", `refused: ${formatUsd(shortfall)} US$ short`);

  const payment = { accountId: bob, amountUsdMicros: TOP_UP_USD_MICROS, source: CreditSource.PURCHASE };
  await economy.credit({ requestId: randomUUID(), ...payment });
  const before = await balancesOf(service, [bob, "sys:revenue", carol]);
  await run.look("Credit", `${bob} tops up ${formatUsd(TOP_UP_USD_MICROS)} US$`);

  // The same request_id: a refusal left no trace of it.
  const { transaction } = await generations.retryPayment(retry);
  const paid = await run.look("RetryPayment", "the same request once more");
  claim(paid.state === GenerationState.COMPLETED, "a payment retried with enough money releases the outputs");
  screen.line();
  showTransaction(screen, present(transaction, "transaction"), before, await balancesOf(service, [...before.keys()]));
  showReleased(screen, paid);
}

async function openPosterRun(screen: Screen, service: DemoService): Promise<WatchedRun> {
  const { generations, idOf } = service;
  const [accountId, toolId] = [idOf("bob"), idOf("poster")];
  await generations.upsertTool({ tool: { toolId, pricing: { unit: PricingUnit.RUN, rateUsd: RATE_USD } } });
  const attribution = { spell: { spellId: "storybook", ownerAccountId: idOf("carol") } };
  const created = await generations.createGeneration({ requestId: randomUUID(), accountId, toolId, attribution });
  screen.step(
    "CreateGeneration",
    `${accountId}, with no money; ${RATE_USD} US$ a run, 6 % for ${idOf("carol")}'s spell`,
  );
  return new WatchedRun(screen, service, {
    generation: present(created.generation, "generation"),
    webhookUrl: created.webhookUrl,
    runId: idOf("run-2"),
  });
}

/** What a refused payment is short of, micro-USD. @throws Error if it isn't refused for want of money */
async function shortfallOf(payment: Promise<unknown>): Promise<bigint> {
  const refusal = await payment.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  const info = refusal?.findDetails(ErrorInfoSchema)[0];
  claim(info?.reason === "INSUFFICIENT_FUNDS", "a payment without money is refused as INSUFFICIENT_FUNDS");
  return BigInt(info.metadata.shortfall_usd_micros ?? 0);
}
