import { Code, ConnectError } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import { afterEach, describe, expect, it } from "vitest";
import { startBridge } from "../../src/bridge/bridge-server.js";
import type { GenerationClient } from "../../src/bridge/deliver-event.js";
import type { WebhookResult } from "../../src/bridge/webhook-routes.js";
import { WEBHOOK_PATH, WebhookTokens } from "../../src/bridge/webhook-token.js";
import type { HttpServer } from "../../src/rpc/http-server.js";
import { sendHttp, sendWebhook } from "../support/http.js";

describe("the bridge, when the service fails", () => {
  const tokens = new WebhookTokens(new Uint8Array(32).fill(1));
  const results: WebhookResult[] = [];
  let server: HttpServer | undefined;
  afterEach(async () => {
    await server?.stop(1_000);
    results.length = 0;
  });

  /** Starts a bridge to a service that fails every call. @returns a webhook URL of it */
  async function bridgeTo(error: unknown): Promise<string> {
    const fail = () => Promise.reject(error);
    const generations = { completeGeneration: fail, reportProgress: fail } as unknown as GenerationClient;
    const onResult = (result: WebhookResult) => results.push(result);
    server = await startBridge("127.0.0.1:0", { generations, tokens, onResult });
    return `${server.url}${WEBHOOK_PATH}/${tokens.issue(uuidv7())}`;
  }

  it.each([
    ["is unavailable", Code.Unavailable],
    ["is overloaded", Code.ResourceExhausted],
    ["takes too long", Code.DeadlineExceeded],
  ])("answers 503 with Retry-After if it %s, so that the provider sends again", async (_, code) => {
    const url = await bridgeTo(new ConnectError("the store can't be reached", code));
    for (const status of ["running", "success"]) {
      const answer = await sendWebhook(url, { run_id: "run-1", status });
      expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    }
    expect(results).toEqual([]);
  });

  it.each([
    ["a defect", new ConnectError("secret cause", Code.Internal)],
    ["an error of another kind", new TypeError("secret cause")],
    ["a refusal of the bridge's own credential", new ConnectError("secret cause", Code.PermissionDenied)],
  ])("answers 500 for %s and says nothing of it", async (_, error) => {
    const answer = await sendWebhook(await bridgeTo(error), { run_id: "run-1", status: "success" });
    expect(answer).toMatchObject({ status: 500, body: '{"error":"something went wrong"}' });
    expect(results).toEqual(["refused"]);
  });

  it.each([Code.InvalidArgument, Code.OutOfRange])("answers 400 with the reason for code %d", async (code) => {
    const url = await bridgeTo(new ConnectError("takes at most 2000 characters", code));
    const answer = await sendWebhook(url, { run_id: "run-1", status: "success" });
    expect(answer).toMatchObject({ status: 400, body: '{"error":"takes at most 2000 characters"}' });
  });

  it("still answers for what it knows by itself", async () => {
    const url = await bridgeTo(new ConnectError("down", Code.Unavailable));
    expect((await sendWebhook(url, { run_id: "run-1", status: "paused" })).status).toBe(200);
    expect((await sendWebhook(url, {})).status).toBe(400);
    expect((await sendWebhook(`${url}A`, { run_id: "run-1", status: "success" })).status).toBe(403);
    expect((await sendHttp(`${server?.url}/healthz`, { method: "GET" })).status).toBe(200);
    expect((await sendHttp(`${server?.url}/elsewhere`, { method: "GET" })).status).toBe(404);
  });
});
