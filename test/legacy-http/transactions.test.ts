import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { LegacyCaller } from "../support/legacy.js";

interface Row {
  readonly _id: string;
  readonly transactionType: string;
  readonly createdAt: string;
  readonly balanceAfterUsd: string;
}

describe.each(["sqlite", "postgres"] as const)("the list of an account's transactions on %s", (backend) => {
  const user = "lister";
  let test: TestApp;
  let caller: LegacyCaller;
  beforeAll(async () => {
    test = await startTestApp(backend);
    caller = new LegacyCaller(test.app.httpUrl);
    // Twelve credits of a dollar each: the balance after it numbers them. Every fourth is a gift by an old call.
    for (let dollar = 1; dollar <= 12; dollar++) {
      if (dollar % 4 === 0) {
        const gift = { amountUsd: 1, description: "gift", transactionType: "holiday gift" };
        await caller.post(`/users/${user}/economy/credit`, gift);
      } else {
        const deposit = { amountUsdMicros: 1_000_000n, source: CreditSource.DEPOSIT };
        await test.economy.credit({ requestId: uuidv7(), accountId: user, ...deposit });
      }
    }
  });
  afterAll(() => test.stop());

  async function list(query: string): Promise<Row[]> {
    const { status, json } = await caller.get(`/users/${user}/transactions?${query}`);
    expect(status).toBe(200);
    return json as Row[];
  }

  async function balances(query: string): Promise<string[]> {
    return (await list(query)).map((row) => row.balanceAfterUsd);
  }

  it("takes a limit and an offset", async () => {
    expect(await balances("limit=3")).toEqual(["12.00", "11.00", "10.00"]);
    expect(await balances("limit=3&offset=3")).toEqual(["9.00", "8.00", "7.00"]);
    expect(await balances("limit=3&offset=11")).toEqual(["1.00"]);
    expect(await balances("offset=12")).toEqual([]);
    expect(await balances("limit=1000000")).toHaveLength(12);
  });

  it("takes an offset above 10,000 for 10,000", async () => {
    expect(await balances("offset=999999")).toEqual([]);
  });

  it("takes a transactionType as it was given, and the service's own names", async () => {
    expect(await balances("transactionType=holiday%20gift")).toEqual(["12.00", "8.00", "4.00"]);
    expect(await balances("transactionType=holiday%20gift&limit=1&offset=1")).toEqual(["8.00"]);
    expect(await balances("transactionType=CREDIT&limit=2")).toEqual(["11.00", "10.00"]);
    expect(await balances("transactionType=nothing")).toEqual([]);
  });

  it("takes a startDate and an endDate, both of which count", async () => {
    const all = await list("");
    const [newest, oldest] = [all[0]?.createdAt ?? "", all[11]?.createdAt ?? ""];
    expect(await balances(`startDate=${oldest}&endDate=${newest}`)).toHaveLength(12);
    expect(await balances(`startDate=${newest}`)).toContain("12.00");
    expect(await balances(`endDate=${oldest}`)).toContain("1.00");
    expect(await balances(`endDate=${oldest.slice(0, 10)}`)).toEqual([]);
    expect(await balances("startDate=2999-01-01")).toEqual([]);
    expect(await balances(`startDate=${encodeURIComponent("2020-01-01T00:00:00+02:00")}`)).toHaveLength(12);
  });

  it("shows a transfer from the side of the account that is asked about", async () => {
    await test.economy.transfer({
      requestId: uuidv7(),
      fromAccountId: user,
      toAccountId: "receiver",
      amountUsdMicros: 250_000n,
    });
    const amount = { transactionType: "TRANSFER", amountUsd: "0.25" };
    expect(await list("limit=1")).toMatchObject([{ ...amount, balanceBeforeUsd: "12.00", balanceAfterUsd: "11.75" }]);
    const { json } = await caller.get("/users/receiver/transactions");
    expect(json).toMatchObject([{ ...amount, balanceBeforeUsd: "0.00", balanceAfterUsd: "0.25" }]);
  });

  it("of a platform account leaves the balances of its stripes out", async () => {
    const { json } = await caller.get("/users/sys:deposits/transactions?limit=1");
    expect(json).toMatchObject([{ amountUsd: "1.00", balanceBeforeUsd: null, balanceAfterUsd: null }]);
  });
});
