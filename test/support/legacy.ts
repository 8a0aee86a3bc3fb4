import { expect } from "vitest";
import { type HttpAnswer, sendHttp } from "./http.js";

/** An answer of the old paths, with its JSON read. */
export interface LegacyAnswer {
  readonly status: number;
  readonly headers: HttpAnswer["headers"];
  readonly json: unknown;
}

/** A caller of the old internal paths, as the platform's JavaScript is one. */
export class LegacyCaller {
  constructor(private readonly httpUrl: string) {}

  get(path: string): Promise<LegacyAnswer> {
    return this.send("GET", path);
  }

  /** @param body an object, or JSON as it goes out */
  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<LegacyAnswer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.send("POST", path, { "content-type": "application/json", ...headers }, text);
  }

  /** @param inputParams an object, or what goes out before it is URL-encoded */
  async preview(toolId: string, inputParams: unknown): Promise<LegacyAnswer> {
    const text = typeof inputParams === "string" ? inputParams : JSON.stringify(inputParams);
    const url = `${this.httpUrl}/internal/v1/tools/${toolId}/costPreview?inputParams=${encodeURIComponent(text)}`;
    const answer = await sendHttp(url, { method: "GET", headers: { "x-internal-client-key": "any" } });
    return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.body) };
  }

  /** @param path after /internal/v1/data */
  async send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<LegacyAnswer> {
    const answer = await sendHttp(`${this.httpUrl}/internal/v1/data${path}`, {
      method,
      headers: { "x-internal-client-key": "any", ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.body) };
  }
}

/** An id of the service: of a request or of a transaction. */
export const ID: unknown = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const TIME: unknown = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);

/** The one shape of every error on the old paths. */
export function errorBody(code: unknown, message: unknown, details?: unknown): object {
  return { error: { code, message, ...(details === undefined ? {} : { details }), requestId: ID } };
}
