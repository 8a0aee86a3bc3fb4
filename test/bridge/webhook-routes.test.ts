import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationState } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { sendHttp, sendWebhook } from "../support/http.js";
import { WebhookTest } from "../support/webhooks.js";

const MEBIBYTE = 1024 * 1024;

describe.each(["sqlite", "postgres"] as const)("a ComfyDeploy webhook on %s", (backend) => {
  let test: WebhookTest;
  beforeAll(async () => {
    test = await WebhookTest.start(backend);
  });
  afterAll(() => test.stop());

  describe("is answered 200", () => {
    it("with the progress it reported", async () => {
      const { generationId, webhookUrl, runId } = await test.create();
      const event = { run_id: runId, status: "running", progress: 0.5, live_status: "KSampler", outputs: [] };
      expect(await sendWebhook(webhookUrl, event)).toMatchObject({ status: 200, body: '{"result":"progress"}' });
      const running = { state: GenerationState.RUNNING, progress: 0.5, liveStatus: "KSampler" };
      expect(await test.read(generationId)).toMatchObject(running);
    });

    it.each([
      ["success", GenerationState.COMPLETED, ""],
      ["failed", GenerationState.FAILED, "RUN_FAILED"],
      ["timeout", GenerationState.FAILED, "TIMED_OUT"],
      ["cancelled", GenerationState.CANCELLED, ""],
    ])("for %s once it has committed, and for a duplicate", async (status, state, stateReason) => {
      const { generationId, webhookUrl, runId } = await test.create();
      const event = { run_id: runId, status, outputs: [] };
      expect(await sendWebhook(webhookUrl, event)).toMatchObject({ status: 200, body: '{"result":"completed"}' });
      expect(await test.read(generationId)).toMatchObject({ state, stateReason });
      expect(await sendWebhook(webhookUrl, event)).toMatchObject({ status: 200, body: '{"result":"duplicate"}' });
    });

    it.each(["queued", "running", "uploading"])(
      "for %s after the end, and says that it changed nothing",
      async (status) => {
        const { generationId, webhookUrl, runId } = await test.create();
        await sendWebhook(webhookUrl, { run_id: runId, status: "success" });
        const before = await test.read(generationId);
        const answer = await sendWebhook(webhookUrl, { run_id: runId, status, progress: 0.2 });
        expect(answer).toMatchObject({ status: 200, body: '{"result":"already_final"}' });
        expect(await test.read(generationId)).toEqual(before);
      },
    );

    it("when nobody can pay: the provider can do nothing about it", async () => {
      const { generationId, webhookUrl, runId } = await test.create(0n);
      const answer = await sendWebhook(webhookUrl, { run_id: runId, status: "success" });
      expect(answer).toMatchObject({ status: 200, body: '{"result":"payment_failed"}' });
      expect((await test.read(generationId)).state).toBe(GenerationState.PAYMENT_FAILED);
    });

    it("when it conflicts with the first outcome, which stands", async () => {
      const { generationId, webhookUrl, runId } = await test.create();
      await sendWebhook(webhookUrl, { run_id: runId, status: "failed" });
      const answer = await sendWebhook(webhookUrl, { run_id: runId, status: "success" });
      expect(answer).toMatchObject({ status: 200, body: '{"result":"conflict"}' });
      expect((await test.read(generationId)).state).toBe(GenerationState.FAILED);
    });

    it.each(["paused", "SUCCESS", " success", "constructor", "toString", "hasOwnProperty"])(
      "for the unknown status %j, and changes nothing",
      async (status) => {
        const { generationId, webhookUrl, runId } = await test.create();
        const before = await test.read(generationId);
        const outputs = [{ data: { images: [{ url: "https://cdn.example/a.png" }] } }];
        const answer = await sendWebhook(webhookUrl, { run_id: runId, status, progress: 0.9, outputs });
        expect(answer).toMatchObject({ status: 200, body: '{"result":"ignored"}' });
        expect(await test.read(generationId)).toEqual(before);
      },
    );

    it("when it is sent as GET with the body, as the second and third attempts are", async () => {
      const { generationId, webhookUrl, runId } = await test.create();
      const event = { run_id: runId, status: "success", outputs: [] };
      expect(await sendWebhook(webhookUrl, event, "GET")).toMatchObject({
        status: 200,
        body: '{"result":"completed"}',
      });
      expect((await test.read(generationId)).state).toBe(GenerationState.COMPLETED);
    });

    it.each(["application/json; charset=utf-8", "Application/JSON"])("with the content type %s", async (type) => {
      const { webhookUrl, runId } = await test.create();
      const body = JSON.stringify({ run_id: runId, status: "queued" });
      expect((await sendHttp(webhookUrl, { headers: { "content-type": type }, body })).status).toBe(200);
    });

    it("with a body of exactly 1 MiB", async () => {
      const { webhookUrl, runId } = await test.create();
      const event = JSON.stringify({ run_id: runId, status: "queued" });
      expect((await sendWebhook(webhookUrl, event.padEnd(MEBIBYTE))).status).toBe(200);
    });
  });

  describe("that comes before its run is attached", () => {
    it("attaches the run that its token's generation then is", async () => {
      const { generationId, webhookUrl, runId } = await test.create();
      await sendWebhook(webhookUrl, { run_id: runId, status: "queued" });
      expect((await test.app.generations.getGeneration({ runId })).generation?.generationId).toBe(generationId);
    });

    it("attaches it even if it is the final one", async () => {
      const { generationId, webhookUrl, runId } = await test.create();
      await sendWebhook(webhookUrl, { run_id: runId, status: "success" });
      expect(await test.read(generationId)).toMatchObject({ runId, state: GenerationState.COMPLETED });
      const attached = await test.app.generations.attachRun({ generationId, runId });
      expect(attached.generation?.runId).toBe(runId);
    });
  });
});
