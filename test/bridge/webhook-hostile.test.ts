import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationState } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { sendHttp, sendWebhook } from "../support/http.js";
import { type Awaited, WebhookTest } from "../support/webhooks.js";

const JSON_TYPE = { "content-type": "application/json" };
const HUGE = "x".repeat(900_000);
const DEEP = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
const WIDE = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, index]));
/** Text that no store takes: NUL, and halves of a character. */
const UNSTORABLE = "a\0b\ud800c\udfff";
const image = (url: unknown) => ({ data: { images: [{ url, filename: url, type: url }] }, node_id: url });

/** Whoever has a webhook URL can send anything to it. Nothing of it is a 500, and nothing reaches a store that can't take it. */
describe.each(["sqlite", "postgres"] as const)("a hostile webhook on %s", (backend) => {
  let test: WebhookTest;
  let awaited: Awaited;
  beforeAll(async () => {
    test = await WebhookTest.start(backend);
  });
  afterAll(() => test.stop());

  const withField = (field: string, json: string, status = "running"): string =>
    `{"run_id":${JSON.stringify(awaited.runId)},"status":"${status}",${JSON.stringify(field)}:${json}}`;

  describe("is taken without what is odd in it", () => {
    it.each<[string, string, string]>([
      ["a deep error", "error", DEEP],
      ["deep error details", "error_details", `{"cause":${DEEP}}`],
      ["deep outputs", "outputs", DEEP],
      ["deep data", "outputs", `[{"data":${DEEP}}]`],
      ["a deep field that nobody knows", "extra", DEEP],
      ["a huge error", "error", JSON.stringify(HUGE)],
      ["a huge live status", "live_status", JSON.stringify(HUGE)],
      ["a huge event type", "event_type", JSON.stringify(HUGE)],
      ["a huge URL", "outputs", JSON.stringify([image(`https://${HUGE.slice(0, 250_000)}`)])],
      ["a wide error", "error", JSON.stringify(WIDE)],
      ["a wide output", "outputs", JSON.stringify([{ data: WIDE }])],
      ["many outputs", "outputs", JSON.stringify(Array.from({ length: 8_000 }, () => image("https://a.b")))],
      ["NUL and lone surrogates in the error", "error", JSON.stringify(UNSTORABLE)],
      ["NUL and lone surrogates within the error", "error", JSON.stringify({ [UNSTORABLE]: UNSTORABLE })],
      ["NUL and lone surrogates in the live status", "live_status", JSON.stringify(UNSTORABLE)],
      ["NUL and lone surrogates in outputs", "outputs", JSON.stringify([image(UNSTORABLE)])],
      ["NUL and lone surrogates in a text output", "outputs", JSON.stringify([{ data: { text: UNSTORABLE } }])],
      ["a progress past every number", "progress", "1e999"],
      ["a progress below every number", "progress", "-1e999"],
      ["a progress that is no number", "progress", '"NaN"'],
      ["a constructor that is nothing", "constructor", "null"],
      ["a constructor that is text", "constructor", '"prototype"'],
      ["SQL in the live status", "live_status", JSON.stringify("'; drop table generations; --")],
    ])("with %s, before the end and at it", async (_, field, json) => {
      awaited = await test.create();
      expect((await sendWebhook(awaited.webhookUrl, withField(field, json))).status).toBe(200);
      expect((await sendWebhook(awaited.webhookUrl, withField(field, json, "failed"))).status).toBe(200);
      expect((await test.read(awaited.generationId)).state).toBe(GenerationState.FAILED);
    });
  });

  describe("is refused with 400", () => {
    it.each<[string, (runId: string) => string | Uint8Array]>([
      ["a __proto__ key", (runId) => `{"__proto__":{"polluted":1},"run_id":"${runId}","status":"success"}`],
      [
        "a __proto__ key within",
        (runId) => `{"run_id":"${runId}","status":"success","a":{"__proto__":{"polluted":1}}}`,
      ],
      ["a constructor's prototype", (runId) => `{"constructor":{"prototype":{"polluted":1}},"run_id":"${runId}"}`],
      ["a NUL in its run id", () => '{"run_id":"a\\u0000b","status":"success"}'],
      ["a lone surrogate for its run id", () => '{"run_id":"\\ud800","status":"success"}'],
      ["a huge run id", () => `{"run_id":"${HUGE}","status":"success"}`],
      ["a huge status", (runId) => `{"run_id":"${runId}","status":"${HUGE}"}`],
      ["bytes that are no UTF-8", () => new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
      ["a compressed body", (runId) => gzipSync(`{"run_id":"${runId}","status":"success"}`)],
    ])("for %s, and changes nothing", async (_, body) => {
      awaited = await test.create();
      const answer = await sendHttp(awaited.webhookUrl, { headers: JSON_TYPE, body: body(awaited.runId) });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body).error).toEqual(expect.any(String));
      expect(Object.prototype).not.toHaveProperty("polluted");
      expect((await test.read(awaited.generationId)).state).toBe(GenerationState.PENDING);
    });
  });

  it("under a token of any text is refused without a 500", async () => {
    const tokens = fc.string({ minLength: 1, maxLength: 300 }).map(encodeURIComponent);
    await fc.assert(
      fc.asyncProperty(tokens, async (token) => {
        const url = `${test.app.app.httpUrl}/webhooks/comfydeploy/${token}`;
        const { status } = await sendWebhook(url, { run_id: "run", status: "success" });
        expect([403, 404]).toContain(status);
      }),
    );
  });

  it("of any JSON around a valid run id and status is taken", async () => {
    const { webhookUrl, runId } = await test.create();
    const status = fc.constantFrom("queued", "running", "uploading", "paused");
    const fields = fc.record(
      {
        event_type: fc.jsonValue(),
        live_status: fc.jsonValue(),
        progress: fc.oneof(fc.double(), fc.jsonValue()),
        outputs: fc.oneof(fc.array(fc.record({ data: fc.jsonValue(), node_id: fc.jsonValue() })), fc.jsonValue()),
        error: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(status, fields, async (status, rest) => {
        const answer = await sendWebhook(webhookUrl, { ...rest, run_id: runId, status });
        // What could poison a prototype is the one thing that JSON may not hold.
        const isPoison = /"(__proto__|prototype)":/.test(JSON.stringify(rest));
        expect(isPoison ? [200, 400] : [200]).toContain(answer.status);
      }),
    );
  });
});
