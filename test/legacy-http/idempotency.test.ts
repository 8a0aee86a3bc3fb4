import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { errorBody, type LegacyAnswer, LegacyCaller } from "../support/legacy.js";

describe.each(["sqlite", "postgres"] as const)("an old call that is repeated on %s", (backend) => {
  let test: TestApp;
  let caller: LegacyCaller;
  let user: string;
  beforeAll(async () => {
    test = await startTestApp(backend);
    caller = new LegacyCaller(test.app.httpUrl);
  });
  afterAll(() => test.stop());
  beforeEach(async () => {
    user = uuidv7();
    await credit({ amountUsd: 10 });
  });

  const credit = (more: object, headers = {}) =>
    caller.post(
      `/users/${user}/economy/credit`,
      { amountUsd: 1, description: "top-up", transactionType: "TOP_UP", ...more },
      headers,
    );
  const debit = (more: object, headers = {}) =>
    caller.post(
      `/users/${user}/economy/debit`,
      { amountUsd: "0.5", transactionType: "generation_debit", ...more },
      headers,
    );

  async function balance(): Promise<bigint | undefined> {
    return (await test.economy.getBalance({ accountId: user })).balance?.balanceUsdMicros;
  }

  function transactionIds(answers: readonly LegacyAnswer[]): Set<unknown> {
    return new Set(answers.map(({ json }) => (json as { transaction?: { _id?: unknown } }).transaction?._id));
  }

  it("under the same Idempotency-Key happens once, and says so", async () => {
    const headers = { "idempotency-key": uuidv7() };
    const answers = [await debit({}, headers), await debit({}, headers)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map((answer) => answer.headers["idempotent-replayed"])).toEqual([undefined, "true"]);
    expect(transactionIds(answers).size).toBe(1);
    expect(await balance()).toBe(9_500_000n);
  });

  it("is one with the gRPC call that has the key as its request_id", async () => {
    const requestId = uuidv7();
    await test.economy.debit({ requestId, accountId: user, amountUsdMicros: 500_000n });
    const answer = await caller.post(
      `/users/${user}/economy/debit`,
      { amountUsd: 0.5 },
      { "idempotency-key": requestId },
    );
    expect(answer).toMatchObject({ status: 200, headers: { "idempotent-replayed": "true" } });
    expect(await balance()).toBe(9_500_000n);
  });

  it("without a key is one debit for each generation and type", async () => {
    const generationId = uuidv7();
    await debit({ generationId });
    await debit({ relatedItems: { generationId } });
    expect(await balance()).toBe(9_500_000n);
    await debit({ generationId, transactionType: "upscale_debit" });
    await debit({ generationId: uuidv7() });
    expect(await balance()).toBe(8_500_000n);
  });

  it("without a key is one credit for each outside payment", async () => {
    const externalTransactionId = `chain:${user}`;
    const answers = [await credit({ externalTransactionId }), await credit({ externalTransactionId })];
    expect(transactionIds(answers).size).toBe(1);
    expect(await balance()).toBe(11_000_000n);
  });

  it("with nothing that names it is a new one each time", async () => {
    await Promise.all([debit({}), debit({}), credit({}), credit({})]);
    expect(await balance()).toBe(11_000_000n);
    for (const path of ["spend", "spend"]) {
      await caller.post(`/users/${user}/economy/${path}`, { pointsToSpend: 1_000 });
    }
    expect(await balance()).toBe(10_326_000n);
  });

  it("with another amount is refused with 409 and changes nothing", async () => {
    const key = { "idempotency-key": uuidv7() };
    const generationId = uuidv7();
    const externalTransactionId = `chain:${user}`;
    const pairs = [
      [await debit({}, key), await debit({ amountUsd: 0.6 }, key)],
      [await debit({ generationId }), await debit({ generationId, amountUsd: 0.6 })],
      [await credit({ externalTransactionId }), await credit({ externalTransactionId, amountUsd: 2 })],
    ];
    for (const [first, second] of pairs) {
      expect(first?.status).toBe(200);
      expect(second?.status).toBe(409);
      expect(second?.json).toEqual(
        errorBody("IDEMPOTENCY_KEY_REUSED", expect.any(String), { "Idempotency-Key": expect.any(String) }),
      );
    }
    expect(await balance()).toBe(10_000_000n);
  });

  it("as another credit of the same outside payment is refused with 409", async () => {
    const externalTransactionId = `chain:${user}`;
    await credit({ externalTransactionId }, { "idempotency-key": uuidv7() });
    const answer = await credit({ externalTransactionId }, { "idempotency-key": uuidv7() });
    expect(answer).toMatchObject({ status: 409, json: { error: { code: "EXTERNAL_REFERENCE_USED" } } });
    expect(await balance()).toBe(11_000_000n);
  });

  it("twenty times at once happens once", async () => {
    const generationId = uuidv7();
    const externalTransactionId = `chain:${user}`;
    const key = { "idempotency-key": uuidv7() };
    const spend = () => caller.post(`/users/${user}/economy/spend`, { pointsToSpend: 1_000 }, key);
    const times = Array.from({ length: 20 });
    const debits = await Promise.all(times.map(() => debit({ generationId })));
    const credits = await Promise.all(times.map(() => credit({ externalTransactionId })));
    const spends = await Promise.all(times.map(spend));
    for (const answer of [...debits, ...credits, ...spends]) expect(answer.status).toBe(200);
    expect([transactionIds(debits).size, transactionIds(credits).size]).toEqual([1, 1]);
    expect(await balance()).toBe(10_163_000n);
  });

  it("after it was refused may succeed under the same key", async () => {
    const generationId = uuidv7();
    expect((await debit({ generationId, amountUsd: 11 })).status).toBe(400);
    await credit({});
    expect((await debit({ generationId, amountUsd: 11 })).status).toBe(200);
    expect(await balance()).toBe(0n);
  });

  it.each([
    ["longer than 128 characters", () => user.repeat(100)],
    ["that is no ASCII", () => `sch\u00f6n-${user}`],
  ])("under a key %s happens once", async (_, keyOf) => {
    const headers = { "idempotency-key": keyOf() };
    await debit({ description: user }, headers);
    await debit({ description: user }, headers);
    expect(await balance()).toBe(9_500_000n);
    expect((await debit({ description: user, amountUsd: 1 }, headers)).status).toBe(409);
  });
});
