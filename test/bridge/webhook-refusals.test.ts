import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebhookTokens } from "../../src/bridge/webhook-token.js";
import { GenerationState } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { type HttpOptions, sendHttp, sendWebhook } from "../support/http.js";
import { WebhookTest } from "../support/webhooks.js";

const MEBIBYTE = 1024 * 1024;

describe.each(["sqlite", "postgres"] as const)("a ComfyDeploy webhook is refused on %s", (backend) => {
  let test: WebhookTest;
  beforeAll(async () => {
    test = await WebhookTest.start(backend);
  });
  afterAll(() => test.stop());

  it.each(["", "not json", "{", '{"run_id":', '"run_id"x', "\u0000"])("with 400 if its body is %j", async (body) => {
    const { webhookUrl } = await test.create();
    expect((await sendWebhook(webhookUrl, body)).status).toBe(400);
  });

  it.each<[unknown, string[]]>([
    [{}, ["run_id", "status"]],
    [{ status: "running" }, ["run_id"]],
    [{ run_id: "run-1" }, ["status"]],
    [{ run_id: 5, status: null }, ["run_id", "status"]],
    [[], ["body"]],
    [null, ["body"]],
  ])("with 400 if its body is %j, naming each field", async (body, fields) => {
    const { webhookUrl } = await test.create();
    const answer = await sendWebhook(webhookUrl, body);
    expect(answer.status).toBe(400);
    const named = JSON.parse(answer.body).fields.map((problem: { field: string }) => problem.field);
    expect(named.sort()).toEqual(fields);
  });

  it.each([
    ["forged", (token: string) => `${token.slice(0, -4)}AAAA`],
    ["truncated", (token: string) => token.slice(0, -1)],
    ["of another key", () => new WebhookTokens(new Uint8Array(32)).issue(uuidv7())],
    ["a plain generation id", () => uuidv7()],
  ])("with 403 if its token is %s, and changes nothing", async (_, forge) => {
    const { generationId, webhookUrl, runId } = await test.create();
    const token = webhookUrl.slice(webhookUrl.lastIndexOf("/") + 1);
    const url = webhookUrl.replace(token, forge(token));
    expect((await sendWebhook(url, { run_id: runId, status: "success" })).status).toBe(403);
    expect(await test.read(generationId)).toMatchObject({ state: GenerationState.PENDING, runId: "" });
  });

  it.each(["running", "success", "failed"])("with 404 if it is %s of a generation that isn't here", async (status) => {
    const event = { run_id: `run-${uuidv7()}`, status };
    expect((await sendWebhook(test.urlOf(uuidv7()), event)).status).toBe(404);
  });

  it.each(["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])("with 405 if its method is %s", async (method) => {
    const { webhookUrl } = await test.create();
    const answer = await sendHttp(webhookUrl, { method });
    expect(answer).toMatchObject({ status: 405, headers: { allow: "POST, GET" } });
  });

  it.each(["running", "success", "failed"])(
    "with 409 if it is %s of another run, and changes nothing",
    async (status) => {
      const { generationId, webhookUrl, runId } = await test.create();
      await test.app.generations.attachRun({ generationId, runId });
      const before = await test.read(generationId);
      expect((await sendWebhook(webhookUrl, { run_id: `run-${uuidv7()}`, status })).status).toBe(409);
      expect(await test.read(generationId)).toEqual(before);
    },
  );

  it("with 409 if its run belongs to another generation, and changes neither", async () => {
    const [first, second] = [await test.create(), await test.create()];
    await test.app.generations.attachRun({ generationId: first.generationId, runId: first.runId });
    const before = [await test.read(first.generationId), await test.read(second.generationId)];
    expect((await sendWebhook(second.webhookUrl, { run_id: first.runId, status: "success" })).status).toBe(409);
    expect([await test.read(first.generationId), await test.read(second.generationId)]).toEqual(before);
  });

  it("with 413 if its body is over 1 MiB", async () => {
    const { webhookUrl, runId } = await test.create();
    const event = JSON.stringify({ run_id: runId, status: "queued" });
    expect((await sendWebhook(webhookUrl, event.padEnd(MEBIBYTE + 1))).status).toBe(413);
  });

  it.each<[string, HttpOptions["headers"]]>([
    ["text/plain", { "content-type": "text/plain" }],
    ["application/xml", { "content-type": "application/xml" }],
    ["application/x-www-form-urlencoded", { "content-type": "application/x-www-form-urlencoded" }],
    ["multipart/form-data", { "content-type": "multipart/form-data; boundary=x" }],
    ["application/jsonx", { "content-type": "application/jsonx" }],
    ["not given", {}],
  ])("with 415 if its content type is %s", async (_, headers = {}) => {
    const { generationId, webhookUrl, runId } = await test.create();
    const body = JSON.stringify({ run_id: runId, status: "success" });
    expect((await sendHttp(webhookUrl, { headers, body })).status).toBe(415);
    expect((await sendHttp(webhookUrl, { method: "GET", headers, body })).status).toBe(415);
    expect((await test.read(generationId)).state).toBe(GenerationState.PENDING);
  });

  it("with a word on why, and nothing about the generation", async () => {
    const { generationId, webhookUrl } = await test.create();
    const answer = await sendHttp(webhookUrl, { headers: { "content-type": "application/json" }, body: "{" });
    expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) });
    expect(answer.body).not.toContain(generationId);
  });
});
