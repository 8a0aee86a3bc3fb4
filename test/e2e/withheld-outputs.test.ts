import { Writable } from "node:stream";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App, startApp } from "../../src/app.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { testConfig } from "../support/app.js";
import { sendHttp, sendWebhook } from "../support/http.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";

/** Part of every output URL: whoever sees it could fetch the output. */
const SECRET = "withheld-secret";
const early = { url: `https://cdn.example/${SECRET}/a.png`, filename: "early" };
const final = { url: `https://cdn.example/${SECRET}/a.png`, filename: "final" };
const other = { url: `https://cdn.example/${SECRET}/b.png`, filename: "other" };

/** Outputs leave the system only in state COMPLETED (rules 3.9). */
describe.each(["sqlite", "postgres"] as const)("outputs before they are paid for, on %s", (backend) => {
  let database: TestDatabase;
  let app: App;
  let economy: Client<typeof EconomyService>;
  let generations: Client<typeof GenerationService>;
  const logged: string[] = [];

  beforeAll(async () => {
    database = await makeDatabase(backend);
    const log = pino(
      { level: "trace" },
      new Writable({
        write(chunk, _, done) {
          logged.push(String(chunk));
          done();
        },
      }),
    );
    app = await startApp(testConfig(database.url), log);
    const transport = createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` });
    economy = createClient(EconomyService, transport);
    generations = createClient(GenerationService, transport);
    await generations.upsertTool({ tool: { toolId: "flux", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } } });
  });
  afterAll(async () => {
    await app.stop();
    await database.destroy();
  });

  /** Everything a caller can ask about a generation, over both transports, as text. */
  async function seenOf(accountId: string, generationId: string): Promise<string> {
    const url = `${app.httpUrl}/stationthis.generation.v1.GenerationService/GetGeneration`;
    const json = { headers: { "content-type": "application/json" }, body: JSON.stringify({ generationId }) };
    const answers = [
      await generations.getGeneration({ generationId }),
      await generations.listGenerations({ accountId }),
      await generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED }),
      (await sendHttp(url, json)).body,
      await refusalOf(generations.completeGeneration({ generationId, outcome: Outcome.FAILED, outputs: [other] })),
      await refusalOf(generations.retryPayment({ requestId: crypto.randomUUID(), generationId })),
    ];
    return textOf(answers);
  }

  it("are merged by URL and withheld from every answer, error and log line, then released together", async () => {
    const created = await generations.createGeneration({ requestId: "g-1", accountId: "alice", toolId: "flux" });
    const generationId = created.generation?.generationId ?? "";

    const reported = await generations.reportProgress({ generationId, status: "running", outputs: [early] });
    const webhook = {
      run_id: "run-1",
      status: "running",
      event_type: "run.output",
      outputs: [{ data: { images: [early] } }],
    };
    const delivered = await sendWebhook(created.webhookUrl, webhook);
    expect(delivered.status).toBe(200);
    const running = await generations.getGeneration({ generationId });
    expect(running.generation?.state).toBe(GenerationState.RUNNING);

    const outputs = [final, other];
    const unpaid = await generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, outputs });
    expect(unpaid.generation?.state).toBe(GenerationState.PAYMENT_FAILED);
    const before = textOf([reported, delivered, running, unpaid]) + (await seenOf("alice", generationId));
    expect(before).toContain("PAYMENT_FAILED");
    expect(before).not.toContain(SECRET);

    await economy.credit({
      requestId: "c-1",
      accountId: "alice",
      amountUsdMicros: 10_000n,
      source: CreditSource.DEPOSIT,
    });
    const paid = await generations.retryPayment({ requestId: "p-1", generationId });
    expect(paid.generation?.outputs.map(({ url, filename }) => ({ url, filename }))).toEqual(outputs);
    expect((await generations.getGeneration({ generationId })).generation?.outputs).toHaveLength(2);
    expect((await generations.listGenerations({ accountId: "alice" })).generations[0]?.outputs).toHaveLength(2);

    expect(logged.join("")).toContain("CompleteGeneration");
    expect(logged.join("")).not.toContain(SECRET);
    expect(logged.join("")).not.toContain(new URL(created.webhookUrl).pathname);
  });

  it("of a run that failed never leave", async () => {
    const created = await generations.createGeneration({ requestId: "g-2", accountId: "bob", toolId: "flux" });
    const generationId = created.generation?.generationId ?? "";
    const outputs = [final];
    const failed = await generations.completeGeneration({ generationId, outcome: Outcome.FAILED, outputs });
    const read = await generations.getGeneration({ generationId });
    const listed = await generations.listGenerations({ accountId: "bob" });
    expect(textOf([failed, read, listed])).not.toContain(SECRET);
  });
});

/** What a call that must fail says, details and all. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => {
      throw new Error("the call was not refused");
    },
    (refused) => ConnectError.from(refused),
  );
  return `${error} ${textOf(error.details)} ${[...error.metadata].join()}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part));
}
