import { v7 as uuidv7 } from "uuid";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parsePointsRate } from "../../src/domain/points.js";
import { legacyErrorBody, legacyRoutes } from "../../src/legacy-http/legacy-routes.js";
import type { EconomyClient, GenerationClient } from "../../src/legacy-http/service-call.js";
import { makeHttpServer } from "../../src/rpc/http-server.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { sendHttp } from "../support/http.js";
import { errorBody, LegacyCaller } from "../support/legacy.js";

const JSON_TYPE = { "content-type": "application/json" };

describe("the old paths", () => {
  let test: TestApp;
  let caller: LegacyCaller;
  let user: string;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
    caller = new LegacyCaller(test.app.httpUrl);
  });
  afterAll(() => test.stop());
  beforeEach(() => {
    user = uuidv7();
  });

  /** Whatever they were sent, no money moved. */
  afterEach(async () => {
    const { missingAccountIds } = await test.economy.batchGetBalances({ accountIds: [user] });
    expect(missingAccountIds).toEqual([user]);
  });

  it.each([
    ["GET", "/nothing"],
    ["GET", "/users/alice/economy/debit"],
    ["DELETE", "/users/alice/economy"],
    ["POST", "/users/alice/economy/nothing"],
  ])("answer %s %s, which is none of them, with 404 in their shape", async (method, path) => {
    const answer = await caller.send(method, path, JSON_TYPE, method === "POST" ? "{" : undefined);
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual(errorBody("NOT_FOUND", "there is nothing here"));
  });

  it("answer an unreadable path and an over-long one in their shape", async () => {
    const unreadable = await caller.get("/users/%zz/economy");
    expect(unreadable).toMatchObject({ status: 400, json: { error: { code: "INVALID_INPUT" } } });
    const long = await caller.get(`/users/${"a".repeat(5_000)}/economy`);
    expect([400, 404, 414]).toContain(long.status);
    expect(long.json).toEqual(errorBody(expect.any(String), expect.any(String)));
  });

  it.each(["a b", "a%2Fb", "%00", "sys%3Arevenue", "a".repeat(129), "%F0%9F%92%A9"])(
    "refuse to move money of the account %s",
    async (account) => {
      const answer = await caller.post(`/users/${account.replaceAll(" ", "%20")}/economy/debit`, { amountUsd: 1 });
      expect(answer.status).toBe(400);
      const fields = [{ field: "masterAccountId", message: expect.any(String) }];
      expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
    },
  );

  it("answer a GET that says it is JSON and has no body", async () => {
    expect((await caller.send("GET", "/economy", JSON_TYPE)).status).toBe(200);
  });

  it("answer a Host that isn't theirs in their shape", async () => {
    const answer = await caller.send("GET", "/economy", { host: "evil.example" });
    expect(answer.status).toBe(403);
    expect(answer.json).toEqual(errorBody("FORBIDDEN", expect.stringContaining("loopback")));
  });

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["an array", "[]"],
    ["null", "null"],
    ["a number", "1"],
    ["too many levels", `${"[".repeat(33)}${"]".repeat(33)}`],
    ["far too many levels", "[".repeat(60_000)],
    ["half a character", '{"description":"\\ud800"}'],
    ["half a character in a key", '{"\\udc00":1}'],
    ["a trailing comma", '{"amountUsd":1,}'],
  ])("refuse a body that is %s with 400", async (_, body) => {
    const answer = await caller.post(`/users/${user}/economy/debit`, body);
    expect(answer.status).toBe(400);
    const fields = [{ field: "body", message: expect.any(String) }];
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
  });

  it("refuse a body over 64 KiB with 413, and one that isn't JSON by its type with 415", async () => {
    const large = await caller.post(`/users/${user}/economy/debit`, JSON.stringify({ amountUsd: 1 }).padEnd(65_537));
    expect(large.status).toBe(413);
    expect(large.json).toEqual(errorBody("BODY_TOO_LARGE", expect.any(String)));
    const other = await caller.post(`/users/${user}/economy/debit`, "amountUsd=1", { "content-type": "text/plain" });
    expect(other.status).toBe(415);
    expect(other.json).toEqual(errorBody("UNSUPPORTED_MEDIA_TYPE", expect.any(String)));
  });

  it.each([
    "0",
    "-1",
    "0.0000001",
    "1e-7",
    "0.10000000000000000001",
    "1.0000000000000000",
    "1e400",
    "true",
    "null",
    "[1]",
    '{"$numberDecimal":"1"}',
    '"1e3"',
    '" 1"',
    '"+1"',
    '"-1"',
    '"NaN"',
    '""',
    '"0.0000001"',
    '"1,5"',
    '"9999999999999999999"',
  ])("refuse an amountUsd of %s with 400, and never round it", async (amount) => {
    const answer = await caller.post(`/users/${user}/economy/credit`, {
      amountUsd: "?",
      description: "d",
      transactionType: "DEPOSIT",
    });
    const text = `{"amountUsd":${amount},"description":"d","transactionType":"DEPOSIT"}`;
    const refused = await caller.post(`/users/${user}/economy/credit`, text);
    expect([answer.status, refused.status]).toEqual([400, 400]);
    const fields = [expect.objectContaining({ field: "amountUsd" })];
    expect(refused.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
  });

  it("refuse more than a million dollars at once, in dollars", async () => {
    const body = { amountUsd: 1_000_000.000001, description: "d", transactionType: "DEPOSIT" };
    const answer = await caller.post(`/users/${user}/economy/credit`, body);
    expect(answer.status).toBe(400);
    const details = { amountUsd: "1000000.000001", limitUsd: "1000000.00" };
    const message = "1000000.000001 US$ passes the limit of 1000000.00";
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", message, details));
  });

  it.each([
    ["description", { description: "x".repeat(501) }],
    ["description", { description: "nul \0" }],
    ["externalTransactionId", { externalTransactionId: "x".repeat(201) }],
    ["relatedItems.text", { relatedItems: { text: "x".repeat(501) } }],
    ["transactionType", { transactionType: "x".repeat(501) }],
    ["metadata.transactionType", { metadata: { transactionType: "x" } }],
    ["metadata.relatedItems.x", { metadata: { "relatedItems.x": "x" } }],
    ["metadata", { metadata: "x" }],
    ["metadata", { relatedItems: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, 1])) }],
  ])("name the bad field %s as it was sent", async (field, bad) => {
    const body = { amountUsd: 1, description: "d", transactionType: "DEPOSIT", ...bad };
    const answer = await caller.post(`/users/${user}/economy/credit`, body);
    expect(answer.status).toBe(400);
    const fields = [expect.objectContaining({ field })];
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
  });

  it("refuse a toolId that isn't the one among the related items", async () => {
    const body = { amountUsd: 1, toolId: "flux", relatedItems: { toolId: "sdxl", generationId: 5 } };
    const answer = await caller.post(`/users/${user}/economy/debit`, body);
    expect(answer.status).toBe(400);
    const fields = [
      { field: "toolId", message: "is another one in relatedItems" },
      { field: "relatedItems.generationId", message: "takes a string" },
    ];
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
  });

  it.each([
    "limit=0",
    "limit=x",
    "limit=1&limit=2",
    "offset=-1",
    "offset=1.5",
    "startDate=yesterday",
    "endDate=2026-02-30",
  ])("refuse to list with %s", async (query) => {
    const answer = await caller.get(`/users/${user}/transactions?${query}`);
    expect(answer.status).toBe(400);
    const fields = [{ field: query.split("=")[0], message: expect.any(String) }];
    expect(answer.json).toEqual(errorBody("INVALID_INPUT", expect.any(String), { fields }));
  });
});

describe("the key of an old caller", () => {
  const onDefect: unknown[] = [];
  const server = makeHttpServer("127.0.0.1:0", [], legacyErrorBody);
  const economy = new Proxy({} as EconomyClient, {
    get: () => () => Promise.reject(new Error("a defect")),
  });
  legacyRoutes(server, {
    economy,
    generations: new Proxy({} as GenerationClient, {}),
    points: parsePointsRate("0.000337") ?? { picoUsdPerPoint: 1n },
    isClientKey: (key) => key === "right",
    onDefect: (error) => onDefect.push(error),
  });
  let url: string;
  beforeAll(async () => {
    url = await server.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(() => server.close());

  const get = async (path: string, headers: Record<string, string>) => {
    const { status, body } = await sendHttp(`${url}/internal/v1/data${path}`, { method: "GET", headers });
    return { status, json: JSON.parse(body) };
  };

  it("has to be there: 401 MISSING_AUTH_HEADER", async () => {
    for (const headers of [{}, { "x-internal-client-key": "" }] as Record<string, string>[]) {
      const answer = await get("/economy", headers);
      expect(answer.status).toBe(401);
      expect(answer.json).toEqual(errorBody("MISSING_AUTH_HEADER", "X-Internal-Client-Key: is required"));
    }
  });

  it("has to be one of the service's API keys: 403 INVALID_API_KEY", async () => {
    const answer = await get("/economy", { "x-internal-client-key": "wrong" });
    expect(answer.status).toBe(403);
    expect(answer.json).toEqual(errorBody("INVALID_API_KEY", "X-Internal-Client-Key: is no API key"));
    expect((await get("/economy", { "x-internal-client-key": "right" })).status).toBe(200);
  });

  it("learns nothing of a defect, which is logged under the requestId", async () => {
    const answer = await get("/users/alice/economy", { "x-internal-client-key": "right" });
    expect(answer.status).toBe(500);
    expect(answer.json).toEqual(errorBody("INTERNAL_SERVER_ERROR", "something went wrong"));
    expect(onDefect).toEqual([new Error("a defect")]);
  });
});
