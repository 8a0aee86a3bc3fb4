import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationState } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { TEST_SECRET } from "../support/app.js";
import { sendHttp, sendWebhook } from "../support/http.js";
import { startTollgate, type TollgateProcess } from "../support/processes.js";
import { WebhookTest } from "../support/webhooks.js";

interface Bridge {
  readonly process: TollgateProcess;
  readonly url: string;
}

describe("the bridge as a process of its own", () => {
  let test: WebhookTest;
  let bridge: Bridge;
  const processes: TollgateProcess[] = [];

  function launch(environment: Readonly<Record<string, string>>): TollgateProcess {
    const settings = { TOLLGATE_HTTP_LISTEN: "127.0.0.1:0", ...environment };
    const launched = startTollgate(["bridge", "--target", test.app.app.grpcAddress], settings);
    processes.push(launched);
    return launched;
  }
  async function start(secret: string): Promise<Bridge> {
    const process = launch({ TOLLGATE_SECRET: secret });
    const [, url = ""] = await process.says(/webhooks on (http:\S+),/);
    return { process, url };
  }
  beforeAll(async () => {
    test = await WebhookTest.start("sqlite");
    bridge = await start(TEST_SECRET);
  });
  afterAll(async () => {
    for (const each of processes) await each.kill();
    await test.stop();
  });

  /** The same webhook URL, at a bridge instead of the service. */
  const via = ({ url }: Bridge, webhookUrl: string): string => url + new URL(webhookUrl).pathname;

  it("settles a success over gRPC, once, whether sent as POST or as GET", async () => {
    const { accountId, generationId, webhookUrl, runId } = await test.create();
    const url = via(bridge, webhookUrl);
    const images = [{ data: { images: [{ url: "https://cdn.example/a.png" }] } }];
    const event = { run_id: runId, status: "success", outputs: images };
    expect(await sendWebhook(url, { ...event, status: "running" })).toMatchObject({ body: '{"result":"progress"}' });
    expect(await sendWebhook(url, event)).toMatchObject({ status: 200, body: '{"result":"completed"}' });
    expect(await sendWebhook(url, event, "GET")).toMatchObject({ status: 200, body: '{"result":"duplicate"}' });
    const generation = await test.read(generationId);
    expect(generation).toMatchObject({ state: GenerationState.COMPLETED, baseCostUsdMicros: 10_000n });
    expect(generation.outputs).toHaveLength(1);
    const { balance } = await test.app.economy.getBalance({ accountId });
    expect(balance?.balanceUsdMicros).toBe(990_000n);
  });

  it("reads the service's refusals from the wire: conflict, no such generation, another run", async () => {
    const { generationId, webhookUrl, runId } = await test.create();
    const url = via(bridge, webhookUrl);
    await sendWebhook(url, { run_id: runId, status: "failed" });
    const conflict = await sendWebhook(url, { run_id: runId, status: "success" });
    expect(conflict).toMatchObject({ status: 200, body: '{"result":"conflict"}' });
    expect((await sendWebhook(url, { run_id: `run-${uuidv7()}`, status: "failed" })).status).toBe(409);
    const unknown = via(bridge, test.urlOf(uuidv7()));
    expect((await sendWebhook(unknown, { run_id: `run-${uuidv7()}`, status: "failed" })).status).toBe(404);
    expect((await test.read(generationId)).state).toBe(GenerationState.FAILED);
  });

  it("writes no token and no URL of an output to its log", async () => {
    const { webhookUrl, runId } = await test.create();
    const images = [{ data: { images: [{ url: "https://cdn.example/private.png" }] } }];
    await sendWebhook(via(bridge, webhookUrl), { run_id: runId, status: "success", outputs: images });
    await bridge.process.says(/"result":"completed"/);
    expect(bridge.process.said()).not.toContain(webhookUrl.slice(webhookUrl.lastIndexOf("/") + 1));
    expect(bridge.process.said()).not.toContain("private.png");
  });

  it("says that the process is well", async () => {
    expect((await sendHttp(`${bridge.url}/healthz`, { method: "GET" })).status).toBe(200);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("exits with 0 at %s", async (signal) => {
    const { process } = await start(TEST_SECRET);
    process.child.kill(signal);
    expect(await process.exit).toBe(0);
  });

  it("takes no webhook URL of a service with another secret", async () => {
    const { generationId, webhookUrl, runId } = await test.create();
    const other = await start("some other secret of 32 characters!");
    expect((await sendWebhook(via(other, webhookUrl), { run_id: runId, status: "success" })).status).toBe(403);
    expect((await test.read(generationId)).state).toBe(GenerationState.PENDING);
  });

  it("doesn't start without the service's secret, and says so in one line", async () => {
    const refused = launch({});
    expect(await refused.exit).not.toBe(0);
    expect(refused.said().trim().split("\n")).toEqual([expect.stringContaining("TOLLGATE_SECRET")]);
  });

  it("answers 503 with Retry-After while the service is away", async () => {
    const { webhookUrl, runId } = await test.create();
    await test.app.app.stop();
    const answer = await sendWebhook(via(bridge, webhookUrl), { run_id: runId, status: "success" });
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  });
});
