import { describe, expect, it } from "vitest";
import { addedDays, dayOf, firstDayOf, splitRange, usersOf } from "../../src/domain/earnings.js";
import { LATEST_TIME, MICROS_PER_DAY } from "../../src/domain/time.js";
import { clawbackRow, rewardRow } from "../conformance/rows.js";

const DAY = MICROS_PER_DAY;
const dayOfDate = (date: string): bigint => BigInt(Date.parse(date) / 86_400_000);

describe("a bucket of earnings begins", () => {
  it.each([
    ["2026-11-16", "2026-11-16"],
    ["2026-11-22", "2026-11-16"],
    ["2026-11-23", "2026-11-23"],
    ["2027-01-01", "2026-12-28"],
    ["1970-01-05", "1970-01-05"],
  ])("on Monday for a week: %s is in that of %s", (date, monday) => {
    expect(firstDayOf("WEEK", dayOfDate(date))).toBe(dayOfDate(monday));
  });

  it.each([
    ["2026-11-30", "2026-11-01"],
    ["2024-02-29", "2024-02-01"],
    ["2024-03-01", "2024-03-01"],
  ])("on the first for a month: %s is in that of %s", (date, first) => {
    expect(firstDayOf("MONTH", dayOfDate(date))).toBe(dayOfDate(first));
  });

  it("at midnight for a day", () => {
    expect(firstDayOf("DAY", 7n)).toBe(7n);
    expect([dayOf(7n * DAY - 1n), dayOf(7n * DAY), dayOf(-1n)]).toEqual([6n, 7n, -1n]);
  });
});

describe("a time range", () => {
  it.each<[string, bigint, bigint, readonly [bigint, bigint], readonly (readonly [bigint, bigint, bigint])[]]>([
    ["of whole days is those days", 2n * DAY, 5n * DAY, [2n, 5n], []],
    ["that begins within a day cuts it", 2n * DAY + 1n, 5n * DAY, [3n, 5n], [[2n, 2n * DAY + 1n, 3n * DAY]]],
    ["that ends within a day cuts it", 2n * DAY, 5n * DAY + 1n, [2n, 5n], [[5n, 5n * DAY, 5n * DAY + 1n]]],
    [
      "over one midnight has no whole day",
      3n * DAY - 1n,
      3n * DAY + 1n,
      [3n, 3n],
      [
        [2n, 3n * DAY - 1n, 3n * DAY],
        [3n, 3n * DAY, 3n * DAY + 1n],
      ],
    ],
    ["within a day is one cut", 2n * DAY + 1n, 2n * DAY + 5n, [0n, 0n], [[2n, 2n * DAY + 1n, 2n * DAY + 5n]]],
    ["of nothing is nothing", 2n * DAY + 1n, 2n * DAY + 1n, [0n, 0n], []],
    ["that ends before it begins is nothing", 5n, 4n, [0n, 0n], []],
  ])("%s", (_, startTime, endTime, wholeDays, cuts) => {
    const split = splitRange(startTime, endTime);
    expect(split.wholeDays).toEqual(wholeDays);
    expect(split.cutDays).toEqual(cuts.map(([day, start, end]) => ({ day, startTime: start, endTime: end })));
  });

  it("of all time is all whole days but the last there can be", () => {
    const { wholeDays, cutDays } = splitRange(0n, LATEST_TIME);
    expect(wholeDays).toEqual([0n, dayOf(LATEST_TIME)]);
    expect(cutDays).toHaveLength(1);
  });
});

describe("a batch", () => {
  it("adds to one row for each asset, role and day, however many rewards it has", () => {
    const rewards = [
      rewardRow("ann", { amountUsdMicros: 5n, createTime: DAY + 1n }),
      rewardRow("ann", { amountUsdMicros: 7n, createTime: DAY + 9n }),
      rewardRow("ann", { amountUsdMicros: 1n, createTime: 2n * DAY }),
      rewardRow("ann", { amountUsdMicros: 2n, createTime: DAY, role: "SPELL_CREATOR" }),
    ];
    const clawbacks = [clawbackRow("ann", { amountUsdMicros: 3n, createTime: DAY + 99n })];
    const key = { accountId: "ann", assetId: "lora-1", role: "LORA_OWNER", newUsers: 0n };
    expect(addedDays(rewards, clawbacks)).toEqual([
      { ...key, day: 1n, earnedUsdMicros: 12n, clawedBackUsdMicros: 3n, uses: 2n, lastUsedTime: DAY + 9n },
      { ...key, day: 2n, earnedUsdMicros: 1n, clawedBackUsdMicros: 0n, uses: 1n, lastUsedTime: 2n * DAY },
      {
        ...{ ...key, role: "SPELL_CREATOR", day: 1n, earnedUsdMicros: 2n, clawedBackUsdMicros: 0n },
        ...{ uses: 1n, lastUsedTime: DAY },
      },
    ]);
  });

  it("is no use of an asset that it only takes back of", () => {
    const [day] = addedDays([], [clawbackRow("ann", { createTime: DAY })]);
    expect(day).toMatchObject({ uses: 0n, lastUsedTime: 0n, clawedBackUsdMicros: 1n });
  });

  it("names each user of an asset once, with the first day", () => {
    const rewards = [2n, 1n, 3n].map((day) => rewardRow("ann", { createTime: day * DAY, userAccountId: "eve" }));
    expect([...usersOf([...rewards, rewardRow("ann", { createTime: DAY, userAccountId: "bob" })]).values()]).toEqual([
      { accountId: "ann", assetId: "lora-1", role: "LORA_OWNER", userAccountId: "eve", firstDay: 1n },
      { accountId: "ann", assetId: "lora-1", role: "LORA_OWNER", userAccountId: "bob", firstDay: 1n },
    ]);
  });
});
