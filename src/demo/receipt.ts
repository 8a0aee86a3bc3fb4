import { formatUsd } from "../domain/money.js";
import { type PointsRate, pointsRoundedDown } from "../domain/points.js";
import type { Generation } from "../gen/stationthis/generation/v1/generation_pb.js";
import { type Reward, RewardRole } from "../gen/stationthis/rewards/v1/rewards_pb.js";
import { claim } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { alignRows, boxed } from "./table.js";

/** What a creator is rewarded for, in words. */
export const ROLES: Readonly<Record<RewardRole, string>> = {
  [RewardRole.UNSPECIFIED]: "",
  [RewardRole.SPELL_CREATOR]: "spell creator",
  [RewardRole.LORA_OWNER]: "LoRA owner",
};

/** The rewards that one settlement paid to these creators, each creator's spell first: the service lists the newest first. */
export async function rewardsOf(
  service: DemoService,
  transactionId: string,
  creators: readonly string[],
): Promise<Reward[]> {
  const lists = await Promise.all(creators.map((accountId) => service.rewards.listRewards({ accountId })));
  return lists.flatMap(({ rewards }) => rewards.filter((reward) => reward.transactionId === transactionId).reverse());
}

/** How the numbers came to be, in words. */
export interface Formulas {
  /** "30.02 s × 0.000337 US$/s" */
  readonly base: string;
  /** "3 % to the spell, 3 % to its LoRAs" */
  readonly fee: string;
}

/**
 * A paid generation as rows of a receipt: base, fee, each creator's share, total.
 * @throws Error if the shares don't sum to the fee, or base and fee to the total
 */
export function receiptRows(
  generation: Generation,
  rewards: readonly Reward[],
  formulas: Formulas,
  points: PointsRate,
): string[][] {
  const { baseCostUsdMicros: base, feeUsdMicros: fee, totalCostUsdMicros: total, chargedAccountId } = generation;
  const shared = rewards.reduce((sum, reward) => sum + reward.amountUsdMicros, 0n);
  claim(shared === fee, "the shares sum to the fee");
  claim(base + fee === total, "base and fee sum to the total");

  const shares = rewards.map(({ accountId, role, assetId, amountUsdMicros }) =>
    row("", `└ ${accountId}, ${ROLES[role]} of ${assetId}`, amountUsdMicros, points),
  );
  return [
    row("Base", formulas.base, base, points),
    row("Fee", formulas.fee, fee, points),
    ...shares,
    totalsRow(`charged to ${chargedAccountId}`, total, points),
  ];
}

/** The row that a receipt ends with. */
export function totalsRow(text: string, usdMicros: bigint, points: PointsRate): string[] {
  return row("Total", text, usdMicros, points);
}

/** Rows in a box, with a rule across it between one section and the next. */
export function showRows(screen: Screen, title: string, sections: readonly (readonly string[][])[]): void {
  const header = ["", "", "US$", "points"];
  const lines = alignRows([header, ...sections.flat()], ["left", "left", "right", "right"]);
  let end = 1;
  const ruled = sections.flatMap(({ length }, index) => {
    const section = lines.slice(end, end + length);
    end += length;
    return index === 0 ? section : ["", ...section];
  });
  screen.line();
  for (const line of boxed(title, [...lines.slice(0, 1), ...ruled])) {
    screen.line(`  ${line.includes("Total") ? screen.styled("bold", line) : line}`);
  }
}

function row(name: string, text: string, usdMicros: bigint, points: PointsRate): string[] {
  return [name, text, formatUsd(usdMicros), pointsRoundedDown(usdMicros, points)];
}
