import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import type { Served } from "../support/app.js";
import { describeServed } from "../support/served.js";

/** A run costs 10,000 micros and the one LoRA that everybody uses 500 more. */
const PRICE = { unit: PricingUnit.RUN, rateUsd: "0.01" };
const CHARGED = 10_500n;
const STAR = "star";
const RUNS_PER_PAYER = 20;

/** A call that is turned away because too many wait comes again, as its RetryInfo says, for about ten seconds. */
async function untilTaken<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await call();
    } catch (error) {
      if (attempts >= 50 || ConnectError.from(error).code !== Code.ResourceExhausted) throw error;
      await sleep(200);
    }
  }
}

describeServed("a storm of completions over gRPC", (start) => {
  let test: Served;
  beforeAll(async () => {
    test = await start();
    await test.generations.upsertTool({ tool: { toolId: "flux", pricing: PRICE } });
  });
  afterAll(() => test.stop());

  const namesOf = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i}`);

  /** Opens 20 generations for each payer. @returns their ids, payers taking turns */
  async function openRuns(payers: readonly string[], usdMicrosEach: bigint): Promise<string[]> {
    const deposit = { amountUsdMicros: usdMicrosEach, source: CreditSource.DEPOSIT };
    const attribution = { loras: [{ loraId: "lora", ownerAccountId: STAR }] };
    await Promise.all(
      payers.map((accountId) => test.economy.credit({ requestId: `c-${accountId}`, accountId, ...deposit })),
    );
    const created = await Promise.all(
      Array.from({ length: payers.length * RUNS_PER_PAYER }, (_, index) => {
        const accountId = payers[index % payers.length] ?? "";
        const request = { requestId: `g-${accountId}-${index}`, accountId, toolId: "flux", attribution };
        return untilTaken(() => test.generations.createGeneration(request));
      }),
    );
    return created.map(({ generation }) => generation?.generationId ?? "");
  }

  /** Completes every generation twice, all at the same time. */
  const completeTwice = (generationIds: readonly string[]) =>
    Promise.all(
      [...generationIds, ...generationIds].map((generationId) =>
        untilTaken(() => test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED })),
      ),
    );

  async function balancesOf(accountIds: readonly string[]) {
    const { balances } = await test.economy.batchGetBalances({ accountIds: [...accountIds] });
    return balances;
  }

  async function expectCleanAudit(): Promise<void> {
    const report = await auditLedger(await test.database.open());
    expect(report.violations).toEqual([]);
  }

  it("1,000 runs of 50 payers and one creator, each completed twice, are 1,000 settlements to the micro", async () => {
    const payers = namesOf("payer", 50);
    const generationIds = await openRuns(payers, 20n * CHARGED);
    const answers = await completeTwice(generationIds);

    expect(answers.filter((answer) => !answer.alreadyFinal)).toHaveLength(1_000);
    expect(answers.every((answer) => answer.generation?.state === GenerationState.COMPLETED)).toBe(true);
    const settlements = new Map(
      answers.map((each) => [each.generation?.generationId, each.transaction?.transactionId]),
    );
    expect(new Set(settlements.values()).size).toBe(1_000);
    for (const { generation, transaction } of answers) {
      expect(transaction?.transactionId).toBe(settlements.get(generation?.generationId));
    }

    const [star, revenue] = await balancesOf([STAR, "sys:revenue"]);
    expect(star).toMatchObject({ balanceUsdMicros: 500_000n, version: 1_000n });
    expect(revenue?.balanceUsdMicros).toBe(10_000_000n);
    for (const payer of await balancesOf(payers)) {
      expect(payer).toMatchObject({ balanceUsdMicros: 0n, version: 21n });
    }
    await expectCleanAudit();
  });

  it("payers with money for 7 of their 20 runs pay for exactly 7, never below zero", async () => {
    const payers = namesOf("short", 10);
    const [before] = await balancesOf([STAR]);
    const answers = await completeTwice(await openRuns(payers, 8n * CHARGED - 1n));

    const first = answers.filter((answer) => !answer.alreadyFinal);
    const inState = (state: GenerationState) => first.filter(({ generation }) => generation?.state === state).length;
    expect([inState(GenerationState.COMPLETED), inState(GenerationState.PAYMENT_FAILED)]).toEqual([70, 130]);
    for (const payer of await balancesOf(payers)) {
      expect(payer).toMatchObject({ balanceUsdMicros: CHARGED - 1n, version: 8n });
    }
    const [after] = await balancesOf([STAR]);
    expect((after?.balanceUsdMicros ?? 0n) - (before?.balanceUsdMicros ?? 0n)).toBe(35_000n);
    await expectCleanAudit();
  });
});
