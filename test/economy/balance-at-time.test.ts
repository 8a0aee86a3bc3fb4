import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClockedApp, refusalOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** A moment of the wire, so many micro-seconds away from another. */
function shifted(time: Timestamp | undefined, micros: bigint): { seconds: bigint; nanos: number } {
  const total = (time?.seconds ?? 0n) * 1_000_000n + BigInt((time?.nanos ?? 0) / 1_000) + micros;
  return { seconds: total / 1_000_000n, nanos: Number(total % 1_000_000n) * 1_000 };
}

describe.each(["sqlite", "postgres"] as const)("a balance at a time on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  const at = async (accountId: string, time: Timestamp | undefined, micros = 0n) => {
    const { balance } = await app.economy.getBalance({ accountId, atTime: shifted(time, micros) });
    return [balance?.balanceUsdMicros, balance?.version];
  };

  it("is exact to the entry: what it left from its very micro-second on, and not one before", async () => {
    const alice = someone("alice");
    const times: (Timestamp | undefined)[] = [];
    times.push((await app.credit(alice, 100n)).transaction?.createTime);
    for (const amount of [30n, 20n, 10n]) {
      app.pass(0.001);
      times.push((await app.debit(alice, amount)).transaction?.createTime);
    }
    const balances = [100n, 70n, 50n, 40n];
    for (const [index, time] of times.entries()) {
      const version = BigInt(index + 1);
      expect(await at(alice, time)).toEqual([balances[index], version]);
      expect(await at(alice, time, 999n)).toEqual([balances[index], version]);
      if (index > 0) expect(await at(alice, time, -1n)).toEqual([balances[index - 1], version - 1n]);
    }
    expect(await at(alice, times.at(-1), 86_400_000_000n)).toEqual([40n, 4n]);
    const before = app.economy.getBalance({ accountId: alice, atTime: shifted(times[0], -1n) });
    expect(await refusalOf(before)).toMatchObject({ reason: "ACCOUNT_NOT_FOUND", metadata: { account_id: alice } });
  });

  it("is after the last of several entries of one moment", async () => {
    const alice = someone("alice");
    const item = (index: number) => ({
      item: {
        case: "debit" as const,
        value: { requestId: `${alice} ${index}`, accountId: alice, amountUsdMicros: 1n },
      },
    });
    await app.credit(alice, 100n);
    app.pass(1);
    const { results } = await app.economy.batchPost({ items: [0, 1, 2].map(item), atomic: true });
    const times = results.map(({ result }) =>
      result.case === "posted" ? result.value.transaction?.createTime : undefined,
    );
    expect(new Set(times.map((time) => time?.nanos)).size).toBe(1);
    expect(await at(alice, times[0])).toEqual([97n, 4n]);
    expect(await at(alice, times[0], -1n)).toEqual([100n, 1n]);
  });

  it("says the balance and the version, and nothing of holds that were", async () => {
    const alice = someone("alice");
    const { transaction } = await app.credit(alice, 100n);
    await app.hold(alice, 60n);
    const { balance } = await app.economy.getBalance({
      accountId: alice,
      atTime: shifted(transaction?.createTime, 0n),
    });
    expect(balance).toMatchObject({ balanceUsdMicros: 100n, version: 1n, heldUsdMicros: 0n, availableUsdMicros: 0n });
  });

  it("of a platform account is the sum of its stripes at that moment", async () => {
    const alice = someone("alice");
    await app.credit(alice, 1_000n);
    const start = await app.platform("sys:revenue");
    const [spent, times]: [bigint[], (Timestamp | undefined)[]] = [[], []];
    for (const amount of [1n, 20n, 300n]) {
      app.pass(0.5);
      times.push((await app.debit(alice, amount)).transaction?.createTime);
      spent.push((spent.at(-1) ?? 0n) + amount);
    }
    for (const [index, time] of times.entries())
      expect(await at("sys:revenue", time)).toEqual([start + (spent[index] ?? 0n), 0n]);
  });
});
