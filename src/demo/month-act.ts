import { randomUUID } from "node:crypto";
import { formatUsd } from "../domain/money.js";
import { MICROS_PER_DAY } from "../domain/time.js";
import type { Generation } from "../gen/stationthis/generation/v1/generation_pb.js";
import {
  EarningsBucket,
  type EarningsBucketTotal,
  EarningsGroup,
  type GetEarningsResponse,
} from "../gen/stationthis/rewards/v1/rewards_service_pb.js";
import { fromTimestamp, nowMicros, toTimestamp } from "../services/convert/time.js";
import { balancesOf, showTransaction } from "./balances.js";
import { barChart } from "./bar-chart.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import { ROLES } from "./receipt.js";
import type { Screen } from "./screen.js";
import { alignRows } from "./table.js";

/** Days of the month that is shown, today included. */
const DAYS = 30;
const CHART_HEIGHT = 5;

/** A paid step is given back, and a creator looks at the last thirty days. */
export async function monthAct(screen: Screen, service: DemoService, refunded: Generation): Promise<void> {
  const { economy, rewards, idOf } = service;
  const carol = idOf("carol");
  screen.heading("4. A creator's month");
  const everyone = [refunded.accountId, "sys:revenue", carol, idOf("ben")];
  const before = await balancesOf(service, everyone);
  const { transaction } = await economy.refundTransaction({
    requestId: randomUUID(),
    transactionId: refunded.transactionId,
    amount: { case: "refundAll", value: true },
    reason: "the colours ran",
  });
  screen.step("RefundTransaction", `all of step ${refunded.stepIndex}: its creators give their shares back`);
  screen.line();
  showTransaction(screen, present(transaction, "transaction"), before, await balancesOf(service, everyone));
  screen.line();

  // Whole days, up to the end of today: the store's clock may be a little ahead of this one.
  const today = nowMicros() / MICROS_PER_DAY;
  const first = today - BigInt(DAYS - 1);
  const range = {
    accountId: carol,
    startTime: toTimestamp(first * MICROS_PER_DAY),
    endTime: toTimestamp((today + 1n) * MICROS_PER_DAY),
    bucket: EarningsBucket.DAY,
  };
  const byAsset = await rewards.getEarnings({ ...range, groupBy: EarningsGroup.ASSET });
  const byDay = await rewards.getEarnings({ ...range, groupBy: EarningsGroup.NONE });
  screen.step("GetEarnings", `${carol}, by day and asset, the last ${DAYS} days (UTC)`);
  screen.line();
  showTable(screen, byAsset);
  screen.line();
  showChart(screen, byDay, first);
}

/** @throws Error if the rows don't sum to the answer's totals */
function showTable(screen: Screen, { buckets, ...earnings }: GetEarningsResponse): void {
  const sumOf = (amount: (bucket: EarningsBucketTotal) => bigint): bigint =>
    buckets.reduce((sum, bucket) => sum + amount(bucket), 0n);
  const gross = sumOf((bucket) => bucket.earnedUsdMicros);
  const takenBack = sumOf((bucket) => bucket.clawedBackUsdMicros);
  claim(gross === earnings.grossUsdMicros, "the days' earnings sum to the gross");
  claim(takenBack === earnings.clawedBackUsdMicros, "what was taken back sums up, too");
  claim(gross - takenBack === earnings.totalUsdMicros, "the net is gross less what was taken back");

  const amounts = (earned: bigint, back: bigint): string[] => [
    formatUsd(earned),
    formatUsd(-back),
    formatUsd(earned - back),
  ];
  const rows = buckets.map((bucket, index) => {
    const day = dayOf(bucket);
    const isNewDay = index === 0 || day !== dayOf(present(buckets[index - 1], "day before"));
    const { asset, role, uses, earnedUsdMicros, clawedBackUsdMicros } = bucket;
    const cells = [isNewDay ? nameOf(day) : "", asset, ROLES[role], `${uses}`];
    return [...cells, ...amounts(earnedUsdMicros, clawedBackUsdMicros)];
  });
  const header = ["day", "asset", "role", "uses", "gross US$", "taken back", "net US$"];
  const uses = sumOf((bucket) => bucket.uses);
  const lines = alignRows(
    [header, ...rows, ["sum", "", "", `${uses}`, ...amounts(gross, takenBack)]],
    ["left", "left", "left", "right", "right", "right", "right"],
  );
  lines.forEach((line, index) => {
    if (index === 0) screen.remark(line);
    else screen.line(`  ${index > rows.length ? screen.styled("bold", line) : line}`);
  });
}

/** @param first the day since the epoch that the chart begins with */
function showChart(screen: Screen, { buckets }: GetEarningsResponse, first: bigint): void {
  const found = new Map(buckets.map((bucket) => [dayOf(bucket), bucket]));
  const bars = Array.from({ length: DAYS }, (_, index) => {
    const bucket = found.get(first + BigInt(index));
    return { gross: bucket?.earnedUsdMicros ?? 0n, takenBack: bucket?.clawedBackUsdMicros ?? 0n };
  });
  const lines = barChart(bars, CHART_HEIGHT, formatUsd);
  for (const line of lines) screen.line(`  ${line.trimEnd()}`);
  const ends = [nameOf(first), nameOf(first + BigInt(DAYS - 1))];
  const width = Math.max(...lines.map((line) => line.length));
  screen.remark(`${" ".repeat(width - 2 * DAYS)}${ends[0]}${(ends[1] ?? "").padStart(2 * DAYS - 10)}`);
  screen.remark("US$ a day:  █ kept  ░ taken back");
}

/** The bucket's day since the epoch. */
function dayOf({ startTime }: EarningsBucketTotal): bigint {
  return fromTimestamp(present(startTime, "start")) / MICROS_PER_DAY;
}

/** "2026-11-21" */
function nameOf(day: bigint): string {
  return new Date(Number((day * MICROS_PER_DAY) / 1_000n)).toISOString().slice(0, 10);
}
