import { isPlatformAccount } from "../domain/accounts.js";
import { divideHalfUp, formatDecimal } from "../domain/money.js";
import { type Generation, GenerationState, Outcome } from "../gen/stationthis/generation/v1/generation_pb.js";
import type { Reward } from "../gen/stationthis/rewards/v1/rewards_pb.js";
import { type Balances, balancesOf, showTransaction } from "./balances.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import { receiptRows, rewardsOf, showRows } from "./receipt.js";
import type { Screen } from "./screen.js";
import {
  billedMicros,
  LIBERTY_TAKEN,
  openStorybookRun,
  RATE_USD,
  reportStorybookRun,
  STORYBOOK_IMAGES,
} from "./storybook-run.js";
import { showReleased } from "./watched-run.js";

/** A generation with a spell and two LoRAs runs, is paid for and released; what is repeated charges nothing. */
export async function paidAct(screen: Screen, service: DemoService): Promise<void> {
  const { idOf } = service;
  const creators = [idOf("carol"), idOf("anna"), idOf("ben")];
  const everyone = [idOf("alice"), "sys:revenue", ...creators];
  screen.heading("1. Paid for, then released");
  const run = await openStorybookRun(screen, service);
  const before = await balancesOf(service, everyone);
  await reportStorybookRun(run, service);
  const { generation } = await run.webhook("POST", "success, 2 images", { status: "success" }, STORYBOOK_IMAGES);
  claim(generation.state === GenerationState.COMPLETED, "a success that can be paid for is COMPLETED");
  const after = await balancesOf(service, everyone);
  const repeated = await run.webhook("GET", "success, retried", { status: "success" }, STORYBOOK_IMAGES);
  claim(repeated.result === "duplicate", "a repeated success is known as one");
  screen.remark(LIBERTY_TAKEN);

  const { transactionId } = generation;
  const rewards = await rewardsOf(service, transactionId, creators);
  checkShares(generation.baseCostUsdMicros, rewards);
  const formulas = {
    base: `${secondsOf(billedMicros(generation))} s × ${RATE_USD} US$/s`,
    fee: "on top: 3 % to the spell, 3 % to its LoRAs",
  };
  const rows = receiptRows(generation, rewards, formulas, service.points);
  showRows(screen, "Receipt", [rows.slice(0, -1), rows.slice(-1)]);
  screen.line();
  const { transaction } = await service.economy.getTransaction({ transactionId });
  showTransaction(screen, present(transaction, "transaction"), before, after);

  screen.line();
  showReleased(screen, generation);
  await checkRepetition(service, generation, after);
  screen.line("  The repeated success was already_final: the same transaction, nothing charged.");
}

function secondsOf(micros: bigint): string {
  return formatDecimal(micros, 6).replace(/\.?0+$/, "");
}

/** A spell with LoRAs: 3 % to the spell's creator, 3 % for the LoRAs' owners to share. */
function checkShares(baseUsdMicros: bigint, rewards: readonly Reward[]): void {
  const [spell, ...loras] = rewards.map((reward) => reward.amountUsdMicros);
  const threePercent = divideHalfUp(baseUsdMicros * 3n, 100n);
  claim(spell === threePercent, "the spell's creator gets 3 %");
  claim(loras.reduce((sum, share) => sum + share, 0n) === threePercent, "the LoRAs' owners share 3 %");
}

/** Repeats the success over gRPC as well, and looks whether any repetition moved money. */
async function checkRepetition(
  service: DemoService,
  { generationId, transactionId }: Generation,
  before: Balances,
): Promise<void> {
  const again = await service.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
  claim(again.alreadyFinal, "a repeated completion is told that it is one");
  claim(again.transaction?.transactionId === transactionId, "a repeated completion returns the first settlement");
  const people = [...before.keys()].filter((accountId) => !isPlatformAccount(accountId));
  for (const [accountId, { usdMicros }] of await balancesOf(service, people)) {
    claim(usdMicros === before.get(accountId)?.usdMicros, `a repetition leaves ${accountId}'s money alone`);
  }
}
