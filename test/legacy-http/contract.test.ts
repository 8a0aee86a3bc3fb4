import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { errorBody, ID, LegacyCaller, TIME } from "../support/legacy.js";

/* One test or more for each row of the old paths: what is sent, and the very JSON that comes back. */

describe.each(["sqlite", "postgres"] as const)("the old path on %s", (backend) => {
  let test: TestApp;
  let caller: LegacyCaller;
  let user: string;
  beforeAll(async () => {
    test = await startTestApp(backend);
    caller = new LegacyCaller(test.app.httpUrl);
  });
  afterAll(() => test.stop());
  beforeEach(() => {
    user = uuidv7().replaceAll("-", "").slice(0, 24);
  });

  const economyWith = (usd: string) => ({
    masterAccountId: user,
    usdCredit: { $numberDecimal: usd },
    exp: 0,
    createdAt: TIME,
    updatedAt: TIME,
  });

  async function deposit(usdMicros: bigint): Promise<void> {
    const source = CreditSource.DEPOSIT;
    await test.economy.credit({ requestId: uuidv7(), accountId: user, amountUsdMicros: usdMicros, source });
  }

  it("GET /users/:masterAccountId/economy says what the account has", async () => {
    await deposit(10_500_000n);
    const answer = await caller.get(`/users/${user}/economy`);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual(economyWith("10.50"));
  });

  it("GET /users/:masterAccountId/economy says since when there is the account, and when it last changed", async () => {
    await deposit(1n);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await deposit(1n);
    const { json } = await caller.get(`/users/${user}/transactions`);
    const [newest, oldest] = (json as { readonly createdAt: string }[]).map(({ createdAt }) => createdAt);
    const answer = await caller.get(`/users/${user}/economy`);
    expect(answer.json).toMatchObject({ createdAt: oldest, updatedAt: newest });
  });

  it("GET /users/:masterAccountId/economy answers 404 for an account that never had an entry", async () => {
    const answer = await caller.get(`/users/${user}/economy`);
    expect(answer.status).toBe(404);
    const details = { masterAccountId: user };
    expect(answer.json).toEqual(errorBody("ECONOMY_RECORD_NOT_FOUND", `account ${user} has no entries`, details));
  });

  it("POST …/economy/debit takes money", async () => {
    await deposit(10_500_000n);
    const answer = await caller.post(`/users/${user}/economy/debit`, {
      amountUsd: 0.1,
      description: "one image",
      transactionType: "generation_debit",
      toolId: "flux",
      generationId: `gen-${user}`,
      relatedItems: { spellId: "portrait", step: 2, loras: ["ink"] },
      metadata: { platform: "telegram" },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      updatedEconomy: economyWith("10.40"),
      transaction: {
        _id: ID,
        transactionType: "generation_debit",
        amountUsd: "0.10",
        createdAt: TIME,
        source: "one image",
        relatedItems: { toolId: "flux", generationId: `gen-${user}`, spellId: "portrait", step: 2, loras: ["ink"] },
        externalTransactionId: null,
        balanceBeforeUsd: "10.50",
        balanceAfterUsd: "10.40",
      },
    });
  });

  it("POST …/economy/debit answers 400 INSUFFICIENT_FUNDS with what there is and what was asked", async () => {
    await deposit(50_000n);
    const answer = await caller.post(`/users/${user}/economy/debit`, { amountUsd: "1.000001" });
    expect(answer.status).toBe(400);
    const details = { currentBalance: "0.05", debitAmount: "1.000001" };
    expect(answer.json).toEqual(errorBody("INSUFFICIENT_FUNDS", "Insufficient funds.", details));
  });

  it("POST …/economy/debit answers 400 INVALID_INPUT with every bad field", async () => {
    const body = { amountUsd: "0.0000001", description: 5, relatedItems: "none" };
    const answer = await caller.post(`/users/${user}/economy/debit`, body);
    expect(answer.status).toBe(400);
    const fields = [
      {
        field: "amountUsd",
        message: 'is required and takes US$ above 0 with at most 6 decimals, as a number or a string like "10.50"',
      },
      { field: "description", message: "takes a string" },
      { field: "relatedItems", message: "takes an object" },
    ];
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.stringContaining("amountUsd: "), { fields }));
  });

  it("POST …/economy/credit brings money in and creates the account", async () => {
    const externalTransactionId = `chain:${user}:0`;
    const answer = await caller.post(`/users/${user}/economy/credit`, {
      amountUsd: 25,
      description: "25 USDC",
      transactionType: "DEPOSIT",
      relatedItems: { toolId: "wallet", block: 19 },
      externalTransactionId,
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      updatedEconomy: economyWith("25.00"),
      transaction: {
        _id: ID,
        transactionType: "DEPOSIT",
        amountUsd: "25.00",
        createdAt: TIME,
        source: "25 USDC",
        relatedItems: { toolId: "wallet", block: 19 },
        externalTransactionId,
        balanceBeforeUsd: "0.00",
        balanceAfterUsd: "25.00",
      },
    });
  });

  it("POST …/economy/credit answers 400 INVALID_INPUT without what it needs", async () => {
    const answer = await caller.post(`/users/${user}/economy/credit`, {});
    expect(answer.status).toBe(400);
    const named = ["amountUsd", "description", "transactionType"].map((field) => expect.objectContaining({ field }));
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields: named }));
  });

  it("POST …/economy/spend takes the price of points, rounded up to a micro", async () => {
    await deposit(1_000_000n);
    const spendContext = { generationId: "gen-1", spellId: "portrait" };
    const answer = await caller.post(`/users/${user}/economy/spend`, { pointsToSpend: 1_000, spendContext });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      message: "Successfully deducted 1000 points.",
      totalPointsSpent: 1_000,
      breakdown: [{ transactionId: ID, pointsDeducted: 1_000, usdDeducted: "0.337" }],
      requestId: ID,
    });
    const { json } = await caller.get(`/users/${user}/transactions?transactionType=SPEND`);
    expect(json).toMatchObject([{ source: "1000 points spent", relatedItems: spendContext, balanceAfterUsd: "0.663" }]);
  });

  it("POST …/economy/spend answers 402 INSUFFICIENT_FUNDS, and 400 for what is no number of points", async () => {
    const short = await caller.post(`/users/${user}/economy/spend`, { pointsToSpend: 1 });
    expect(short.status).toBe(402);
    expect(short.json).toEqual(errorBody("INSUFFICIENT_FUNDS", "Insufficient points."));
    for (const pointsToSpend of [0, -1, 1.5, "5", null, true]) {
      const answer = await caller.post(`/users/${user}/economy/spend`, { pointsToSpend });
      expect(answer.status).toBe(400);
      const fields = [{ field: "pointsToSpend", message: "is required and takes an integer above 0" }];
      expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
    }
  });

  it("POST …/economy/credit-points brings in what points are worth", async () => {
    const answer = await caller.post(`/users/${user}/economy/credit-points`, {
      points: 2_000,
      description: "training refund",
      rewardType: "TRAINING_REFUND",
      relatedItems: { trainingId: "t-1" },
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ success: true, entryId: ID, requestId: ID });
    const { json } = await caller.get(`/users/${user}/transactions`);
    expect(json).toMatchObject([
      { transactionType: "TRAINING_REFUND", amountUsd: "0.674", relatedItems: { trainingId: "t-1" } },
    ]);
  });

  it("POST …/economy/credit-points answers 400 without what it needs", async () => {
    const answer = await caller.post(`/users/${user}/economy/credit-points`, { points: "10" });
    expect(answer.status).toBe(400);
    const named = ["points", "description", "rewardType"].map((field) => expect.objectContaining({ field }));
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields: named }));
  });

  it("PUT …/economy/exp answers 410 and says where the score went, whatever it is sent", async () => {
    const answer = await caller.send("PUT", `/users/${user}/economy/exp`, { "content-type": "text/plain" }, "{");
    expect(answer.status).toBe(410);
    expect(answer.json).toEqual(errorBody("GONE", expect.stringMatching(/game score.*user's profile/)));
  });

  it("GET …/transactions lists the newest first, with balances that chain", async () => {
    await deposit(1_000_000n);
    await caller.post(`/users/${user}/economy/debit`, { amountUsd: 0.25 });
    const answer = await caller.get(`/users/${user}/transactions`);
    expect(answer.status).toBe(200);
    const common = { _id: ID, createdAt: TIME, source: "", relatedItems: {}, externalTransactionId: null };
    expect(answer.json).toEqual([
      { ...common, transactionType: "DEBIT", amountUsd: "0.25", balanceBeforeUsd: "1.00", balanceAfterUsd: "0.75" },
      { ...common, transactionType: "CREDIT", amountUsd: "1.00", balanceBeforeUsd: "0.00", balanceAfterUsd: "1.00" },
    ]);
  });

  it("GET …/transactions of an account that never had one is an empty list", async () => {
    expect(await caller.get(`/users/${user}/transactions`)).toMatchObject({ status: 200, json: [] });
  });

  it("GET /transactions/:transactionId is the transaction, from the side of the account that paid or was paid", async () => {
    await deposit(1_000_000n);
    const listed = await caller.get(`/users/${user}/transactions`);
    const [transaction] = listed.json as { readonly _id: string }[];
    const answer = await caller.get(`/transactions/${transaction?._id}`);
    expect(answer).toMatchObject({ status: 200, json: transaction });
  });

  it("GET /transactions/:transactionId answers 404 NOT_FOUND", async () => {
    const transactionId = uuidv7();
    const answer = await caller.get(`/transactions/${transactionId}`);
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual(errorBody("NOT_FOUND", `there is no transaction ${transactionId}`, { transactionId }));
  });

  it("GET /economy says how many points a dollar is", async () => {
    const answer = await caller.get("/economy");
    expect(answer.status).toBe(200);
    const data = { POINTS_per_USD: 2967.35905 };
    expect(answer.json).toEqual({ success: true, data, timestamp: TIME, requestId: ID });
  });

  describe("GET /internal/v1/tools/:toolId/costPreview", () => {
    beforeAll(async () => {
      const pricing = { unit: PricingUnit.SECOND, rateUsd: "0.001" };
      const defaultEstimate = { amount: { case: "runDuration", value: { seconds: 30n } } } as const;
      await test.generations.upsertTool({ tool: { toolId: "flux", pricing, defaultEstimate } });
      await test.generations.upsertTool({ tool: { toolId: "train", pricing } });
    });

    it("says what a run would cost, by the tool's default estimate", async () => {
      const answer = await caller.preview("flux", { prompt: "a cat", steps: 30 });
      expect(answer.status).toBe(200);
      const cost = { baseCostUsd: "0.03", feeUsd: "0.00", totalCostUsd: "0.03", totalPoints: "89.03" };
      expect(answer.json).toEqual({ toolId: "flux", ...cost });
      const { json } = await caller.preview("flux", "");
      expect(json).toEqual({ toolId: "flux", ...cost });
    });

    it("counts the duration and the works that are named, and no fee on one's own", async () => {
      const loras = [{ loraId: "ink", ownerAccountId: "anna" }];
      const inputs = {
        runDurationSeconds: 2.5,
        attribution: { spell: { spellId: "s", ownerAccountId: "carol" }, loras },
      };
      expect((await caller.preview("flux", inputs)).json).toEqual({
        toolId: "flux",
        baseCostUsd: "0.0025",
        feeUsd: "0.00015",
        totalCostUsd: "0.00265",
        totalPoints: "7.87",
      });
      const { json } = await caller.preview("flux", { ...inputs, masterAccountId: "anna" });
      expect(json).toMatchObject({ feeUsd: "0.000075", totalCostUsd: "0.002575" });
    });

    it("answers 404 NOT_FOUND for an unknown tool", async () => {
      const answer = await caller.preview("nothing", {});
      expect(answer.status).toBe(404);
      const message = "there is no tool nothing, or it is archived";
      expect(answer.json).toEqual(errorBody("NOT_FOUND", message, { toolId: "nothing" }));
    });

    it.each([
      ["inputParams", "{"],
      ["inputParams", "[]"],
      ["runDurationSeconds", { runDurationSeconds: "soon" }],
      ["runDurationSeconds", { runDurationSeconds: 31_536_001 }],
      ["runDurationSeconds", {}],
      ["quantity", { quantity: 1.5 }],
      ["attribution", { attribution: { spell: 5 } }],
      ["masterAccountId", { runDurationSeconds: 1, masterAccountId: "a b" }],
    ])("answers 400 INVALID_INPUT that names %s for %j", async (field, inputParams) => {
      const answer = await caller.preview("train", inputParams);
      expect(answer.status).toBe(400);
      const fields = [{ field, message: expect.any(String) }];
      expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
    });
  });
});
