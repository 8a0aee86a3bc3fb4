import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import type { Store } from "../../src/storage/store.js";
import type { Served } from "../support/app.js";
import { sendWebhook } from "../support/http.js";
import { describeServed } from "../support/served.js";
import { type Order, order, play, type Sending, type ToolId } from "./webhook-orders.js";

const ORDERS = 500;
const AT_ONCE = 50;

/** Plays the same orders again: set TOLLGATE_TEST_SEED to the number that the names of these tests show. */
const seed = Number(process.env.TOLLGATE_TEST_SEED ?? Date.now() % 2_147_483_647);

describeServed(`a storm of webhooks (TOLLGATE_TEST_SEED=${seed})`, (start) => {
  let test: Served;
  let store: Store;
  let runs = 0;
  const deposited = 1_000_000_000_000n;
  beforeAll(async () => {
    test = await start();
    store = await test.database.open();
    await test.generations.upsertTool({
      tool: { toolId: "runs", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } },
    });
    const perSecond = { unit: PricingUnit.SECOND, rateUsd: "0.001" };
    await test.generations.upsertTool({ tool: { toolId: "seconds", pricing: perSecond } });
    const deposit = { amountUsdMicros: deposited, source: CreditSource.DEPOSIT };
    await test.economy.credit({ requestId: "c", accountId: "alice", ...deposit });
  });
  afterAll(() => test.stop());

  interface Run {
    readonly runId: string;
    readonly generationId: string;
    readonly webhookUrl: string;
  }

  async function createRun(toolId: ToolId): Promise<Run> {
    const runId = `run-${++runs}`;
    const created = await test.generations.createGeneration({ requestId: runId, accountId: "alice", toolId });
    return { runId, generationId: created.generation?.generationId ?? "", webhookUrl: created.webhookUrl };
  }

  /** @returns what the webhook is answered, or the state after a completion that says its own cost */
  async function send({ runId, generationId, webhookUrl }: Run, sending: Sending): Promise<string> {
    if (sending.method !== "CALL") {
      const answer = await sendWebhook(webhookUrl, { run_id: runId, status: sending.status }, sending.method);
      expect(answer.status).toBe(200);
      return JSON.parse(answer.body).result;
    }
    const cost = { case: "finalCostUsdMicros", value: sending.finalCostUsdMicros } as const;
    return test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, cost }).then(
      ({ alreadyFinal }) => (alreadyFinal ? "duplicate" : "completed"),
      () => "conflict",
    );
  }

  const stateOf = async (generationId: string) => {
    const { generation } = await test.generations.getGeneration({ generationId });
    return GenerationState[generation?.state ?? 0];
  };
  /** How often each generation was settled. */
  async function settlements(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const filter = { accountId: "alice", types: [TransactionType.GENERATION_SETTLEMENT], pageSize: 500 };
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page = await test.economy.listTransactions({ ...filter, pageToken });
      for (const { generationId } of page.transactions) counts.set(generationId, (counts.get(generationId) ?? 0) + 1);
      pageToken = page.nextPageToken || undefined;
    }
    return counts;
  }
  async function conflictsOf(generationId: string): Promise<string[]> {
    const events = await store.generationEvents(generationId);
    return events.filter((event) => event.type === "CONFLICTING_COMPLETION").map((event) => event.eventKey);
  }

  it(`settles each of ${ORDERS} runs at most once: exactly once if its first outcome is a success whose cost becomes known`, async () => {
    const orders = fc.sample(order, { numRuns: ORDERS, seed });
    expect(orders).toHaveLength(500);
    const sent: { each: Order; run: Run; answers: string[] }[] = [];
    for (let from = 0; from < orders.length; from += AT_ONCE) {
      const together = orders.slice(from, from + AT_ONCE).map(async (each) => {
        const run = await createRun(each.toolId);
        const answers: string[] = [];
        for (const sending of each.sendings) answers.push(await send(run, sending));
        return { each, run, answers };
      });
      sent.push(...(await Promise.all(together)));
    }
    const settled = await settlements();
    for (const { each, run, answers } of sent) {
      const seen = {
        answers,
        state: await stateOf(run.generationId),
        settlements: settled.get(run.generationId) ?? 0,
        conflicts: (await conflictsOf(run.generationId)).sort(),
      };
      expect(seen, shown(each)).toEqual(play(each));
    }
  });

  it("settles a run at most once when everything arrives at the same time, and records every conflict", async () => {
    for (const each of fc.sample(order, { numRuns: 30, seed })) {
      const run = await createRun(each.toolId);
      const answers = await Promise.all(each.sendings.map((sending) => send(run, sending)));
      const isCompleted = (await stateOf(run.generationId)) === "COMPLETED";
      expect((await settlements()).get(run.generationId) ?? 0, shown(each)).toBe(isCompleted ? 1 : 0);
      expect((await conflictsOf(run.generationId)).length > 0, shown(each)).toBe(answers.includes("conflict"));
    }
  });

  it("leaves books in which every charge is some generation's, and a clean audit", async () => {
    let charged = 0n;
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page = await test.generations.listGenerations({ accountId: "alice", pageSize: 500, pageToken });
      for (const generation of page.generations) charged += generation.totalCostUsdMicros;
      pageToken = page.nextPageToken || undefined;
    }
    const { balance } = await test.economy.getBalance({ accountId: "alice" });
    expect(balance?.balanceUsdMicros).toBe(deposited - charged);
    expect((await auditLedger(store)).violations).toEqual([]);
  });
});

/** An order that a test failed for, and how to play it again. */
function shown(order: Order): string {
  const text = JSON.stringify(order, (_, value) => (typeof value === "bigint" ? String(value) : value));
  return `TOLLGATE_TEST_SEED=${seed}: ${text}`;
}
