import { request } from "node:http";

/** What the bridge answered. */
export interface WebhookAnswer {
  readonly status: number;
  /** "progress", "completed", "duplicate"... as the bridge says it. */
  readonly result: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Sends a webhook as ComfyDeploy does: first as POST, later attempts as GET with the same body. fetch refuses the latter, so this is node:http.
 * @throws Error if there is no answer within 10 s
 */
export function sendWebhook(url: string, method: "POST" | "GET", event: object): Promise<WebhookAnswer> {
  const body = JSON.stringify(event);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, result: resultIn(text) }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Outputs as ComfyDeploy lists them: images saved by one node. */
export function imageOutputs(runId: string, urls: readonly string[]): object[] {
  const images = urls.map((url) => ({ url, type: "image/png", filename: url.slice(url.lastIndexOf("/") + 1) }));
  const now = new Date().toISOString();
  return [{ id: `${runId}-9`, run_id: runId, node_id: "9", data: { images }, created_at: now, updated_at: now }];
}

function resultIn(text: string): string {
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== "object" || answer === null) return "";
  if ("result" in answer) return String(answer.result);
  return "error" in answer ? String(answer.error) : "";
}
