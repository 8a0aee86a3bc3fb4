import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** One HTTP request on a connection of its own, with exactly these headers: fetch refuses a GET with a body, ComfyDeploy sends them. */
export function sendHttp(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { method = "POST", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method, headers: { ...length, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A webhook as ComfyDeploy sends it: the first attempt as POST, the second and third as GET with the same body. */
export function sendWebhook(url: string, event: unknown, method: "POST" | "GET" = "POST"): Promise<HttpAnswer> {
  const body = typeof event === "string" ? event : JSON.stringify(event);
  return sendHttp(url, { method, headers: { "content-type": "application/json" }, body });
}
