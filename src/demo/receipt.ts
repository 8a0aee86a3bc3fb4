import { formatUsd } from "../domain/money.js";
import { type PointsRate, pointsRoundedDown } from "../domain/points.js";
import type { Generation } from "../gen/stationthis/generation/v1/generation_pb.js";
import { type Reward, RewardRole } from "../gen/stationthis/rewards/v1/rewards_pb.js";
import { claim } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { alignRows, boxed } from "./table.js";

const ROLES: Readonly<Record<RewardRole, string>> = {
  [RewardRole.UNSPECIFIED]: "",
  [RewardRole.SPELL_CREATOR]: "spell creator",
  [RewardRole.LORA_OWNER]: "LoRA owner",
};

/** The rewards that one settlement paid to these creators, as the service lists them. */
export async function rewardsOf(
  service: DemoService,
  transactionId: string,
  creators: readonly string[],
): Promise<Reward[]> {
  const lists = await Promise.all(creators.map((accountId) => service.rewards.listRewards({ accountId })));
  return lists.flatMap(({ rewards }) => rewards.filter((reward) => reward.transactionId === transactionId));
}

/** How the numbers came to be, in words. */
export interface Formulas {
  /** "30.02 s × 0.000337 US$/s" */
  readonly base: string;
  /** "3 % to the spell, 3 % to its LoRAs" */
  readonly fee: string;
}

/**
 * A paid generation as a receipt: base, fee, each creator's share, total.
 * @throws Error if the shares don't sum to the fee, or base and fee to the total
 */
export function showReceipt(
  screen: Screen,
  generation: Generation,
  rewards: readonly Reward[],
  formulas: Formulas,
  points: PointsRate,
): void {
  const { baseCostUsdMicros: base, feeUsdMicros: fee, totalCostUsdMicros: total, chargedAccountId } = generation;
  const shared = rewards.reduce((sum, reward) => sum + reward.amountUsdMicros, 0n);
  claim(shared === fee, "the shares sum to the fee");
  claim(base + fee === total, "base and fee sum to the total");

  const row = (name: string, text: string, usdMicros: bigint): string[] => [
    name,
    text,
    formatUsd(usdMicros),
    pointsRoundedDown(usdMicros, points),
  ];
  const shares = rewards.map(({ accountId, role, assetId, amountUsdMicros }) =>
    row("", `└ ${accountId}, ${ROLES[role]} of ${assetId}`, amountUsdMicros),
  );
  const lines = alignRows(
    [
      ["", "", "US$", "points"],
      row("Base", formulas.base, base),
      row("Fee", formulas.fee, fee),
      ...shares,
      row("Total", `charged to ${chargedAccountId}`, total),
    ],
    ["left", "left", "right", "right"],
  );
  lines.splice(-1, 0, "");
  screen.line();
  for (const line of boxed("Receipt", lines)) {
    screen.line(`  ${line.includes("Total") ? screen.styled("bold", line) : line}`);
  }
  screen.line();
}
