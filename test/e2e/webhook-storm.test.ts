import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationState, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { sendWebhook } from "../support/http.js";

/** One sending of one webhook; the provider's second and third attempts are GETs. */
interface Sending {
  readonly status: string;
  readonly method: "POST" | "GET";
}

/** What the provider may send about one run, in the order in which it arrives. */
interface Order {
  /** Billed by the second or by the run. */
  readonly toolId: "seconds" | "runs";
  readonly sendings: readonly Sending[];
}

const BEFORE_THE_END = ["queued", "started", "running", "uploading"] as const;
const FINAL = ["success", "failed", "timeout", "cancelled"] as const;

const method = fc.constantFrom<"POST" | "GET">("POST", "GET");
const early = fc.record<Sending>({ status: fc.constantFrom(...BEFORE_THE_END), method });
const final = fc.record<Sending>({
  status: fc.oneof({ weight: 3, arbitrary: fc.constant("success") }, fc.constantFrom(...FINAL)),
  method,
});

/** Duplicates × reordering × final before running × fail-then-success × GET retries. */
const order: fc.Arbitrary<Order> = fc
  .record({ early: fc.array(early, { maxLength: 4 }), final: fc.array(final, { minLength: 1, maxLength: 3 }) })
  .chain(({ early, final }) => {
    const sendings = [...early, ...final, ...final];
    return fc.record({
      toolId: fc.constantFrom<Order["toolId"]>("seconds", "runs"),
      sendings: fc.shuffledSubarray(sendings, { minLength: sendings.length }),
    });
  });

/** The state that the first final webhook decides, whatever comes after it. */
function expectedState({ toolId, sendings }: Order): GenerationState {
  const end = sendings.findIndex(({ status }) => (FINAL as readonly string[]).includes(status));
  const hasStart = sendings.slice(0, end).some(({ status }) => status === "running" || status === "uploading");
  switch (sendings[end]?.status) {
    case "success":
      return toolId === "runs" || hasStart ? GenerationState.COMPLETED : GenerationState.PAYMENT_FAILED;
    case "cancelled":
      return GenerationState.CANCELLED;
    default:
      return GenerationState.FAILED;
  }
}

describe.each(["sqlite", "postgres"] as const)("a storm of webhooks on %s", (backend) => {
  let test: TestApp;
  let runs = 0;
  const deposited = 1_000_000_000n;
  beforeAll(async () => {
    test = await startTestApp(backend);
    await test.generations.upsertTool({
      tool: { toolId: "runs", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } },
    });
    const perSecond = { unit: PricingUnit.SECOND, rateUsd: "0.001" };
    await test.generations.upsertTool({ tool: { toolId: "seconds", pricing: perSecond } });
    const deposit = { amountUsdMicros: deposited, source: CreditSource.DEPOSIT };
    await test.economy.credit({ requestId: "c", accountId: "alice", ...deposit });
  });
  afterAll(() => test.stop());

  async function createRun(toolId: string) {
    const runId = `run-${++runs}`;
    const created = await test.generations.createGeneration({ requestId: runId, accountId: "alice", toolId });
    return { runId, generationId: created.generation?.generationId ?? "", webhookUrl: created.webhookUrl };
  }
  const stateOf = async (generationId: string) =>
    (await test.generations.getGeneration({ generationId })).generation?.state;
  async function settlementsOf(generationId: string): Promise<number> {
    const types = [TransactionType.GENERATION_SETTLEMENT];
    const page = await test.economy.listTransactions({ accountId: "alice", generationId, types, pageSize: 500 });
    return page.transactions.length;
  }

  it("settles each of 200 runs at most once, by its first final webhook", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(order, { minLength: 40, maxLength: 40 }), (orders) =>
        Promise.all(
          orders.map(async (each) => {
            const { runId, generationId, webhookUrl } = await createRun(each.toolId);
            for (const { status, method } of each.sendings) {
              expect((await sendWebhook(webhookUrl, { run_id: runId, status }, method)).status).toBe(200);
            }
            const state = expectedState(each);
            expect(await stateOf(generationId)).toBe(state);
            expect(await settlementsOf(generationId)).toBe(state === GenerationState.COMPLETED ? 1 : 0);
          }),
        ).then(() => {}),
      ),
      { numRuns: 5, endOnFailure: true },
    );
  });

  it("settles a run at most once when everything arrives at the same time", async () => {
    await fc.assert(
      fc.asyncProperty(order, async ({ toolId, sendings }) => {
        const { runId, generationId, webhookUrl } = await createRun(toolId);
        const answers = await Promise.all(
          sendings.map(({ status, method }) => sendWebhook(webhookUrl, { run_id: runId, status }, method)),
        );
        expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
        const completed = (await stateOf(generationId)) === GenerationState.COMPLETED;
        expect(await settlementsOf(generationId)).toBe(completed ? 1 : 0);
      }),
      { numRuns: 30 },
    );
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
    expect((await auditLedger(await test.database.open())).violations).toEqual([]);
  });
});
