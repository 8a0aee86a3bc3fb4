import { gzipSync } from "node:zlib";
import { fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { Code, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Outcome } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { type RefusedCall, refusedCalls } from "./refused-calls.js";
import {
  canonical,
  canonicalBytes,
  DETAILS,
  fund,
  httpRefusal,
  METHODS,
  methodNamed,
  openGeneration,
  placeHold,
  post,
  type Refusal,
  refusalOf,
  registerTool,
  StockClients,
} from "./support.js";

/** An answered call, in one form for all transports. */
interface Answered {
  readonly response: JsonValue;
  readonly isReplayed: boolean;
}

/** One way to call the service. */
interface Way {
  answer(method: string, request: JsonValue): Promise<Answered>;
  refusal(method: string, request: JsonValue): Promise<Refusal>;
}

function grpcWay(clients: StockClients): Way {
  const answer = async (method: string, request: JsonValue) => {
    const { response, header } = await clients.call(method, asStub(request) as object);
    return { response: canonical(method, response), isReplayed: header["idempotent-replayed"] === "true" };
  };
  return { answer, refusal: (method, request) => refusalOf(answer(method, request)) };
}

function jsonWay(httpUrl: string): Way {
  return {
    async answer(name, request) {
      const { status, headers, text } = await post(httpUrl, name, JSON.stringify(request));
      if (status !== 200) throw new Error(`${name}: ${status} ${text}`);
      const { output } = methodNamed(name);
      const response = toJson(output, fromJson(output, JSON.parse(text), { registry: DETAILS }), { registry: DETAILS });
      return { response, isReplayed: headers.get("idempotent-replayed") === "true" };
    },
    refusal: async (name, request) => httpRefusal(await post(httpUrl, name, JSON.stringify(request))),
  };
}

function transportWay(transport: Transport): Way {
  const answer = async (name: string, request: JsonValue) => {
    const method = methodNamed(name) as never;
    const message = fromJson(methodNamed(name).input, request);
    const { message: answered, header } = await transport.unary(method, undefined, undefined, {}, message as never);
    const { output } = methodNamed(name);
    const response = canonicalBytes(output, toBinary(output, answered as never));
    return { response, isReplayed: header.get("idempotent-replayed") === "true" };
  };
  return { answer, refusal: (method, request) => refusalOf(answer(method, request)) };
}

describe("the HTTP port", () => {
  let test: TestApp;
  let clients: StockClients;
  let grpc: Way;
  /** Every way but gRPC. */
  let ways: Record<string, Way>;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
    clients = new StockClients(test.app.grpcAddress);
    grpc = grpcWay(clients);
    const web = { baseUrl: test.app.httpUrl, httpVersion: "1.1" as const };
    ways = {
      "JSON with fetch": jsonWay(test.app.httpUrl),
      "Connect binary": transportWay(createConnectTransport({ ...web, useBinaryFormat: true })),
      "gRPC-Web binary": transportWay(createGrpcWebTransport({ ...web, useBinaryFormat: true })),
      "gRPC-Web JSON": transportWay(
        createGrpcWebTransport({ ...web, useBinaryFormat: false, jsonOptions: { registry: DETAILS } }),
      ),
    };
  });
  afterAll(async () => {
    clients.close();
    await test.stop();
  });

  it("answers every RPC as the gRPC port does", async () => {
    await registerTool(test);
    const generation_id = await openGeneration(test, "compare", "dora", { runId: "run-compare" });
    await fund(test, "dora");
    const unpaid = await openGeneration(test, "compare-unpaid", "dan", { runId: "run-unpaid" });
    await test.generations.completeGeneration({ generationId: unpaid, outcome: Outcome.SUCCEEDED });
    await fund(test, "dan");
    const account = { account_id: "dora" };
    const attribution = { spell: { spell_id: "s", owner_account_id: "carol" }, loras: [] };
    const outputs = [{ url: "https://cdn.example/b.png", type: "OUTPUT_TYPE_IMAGE" }];
    const write = { ...account, amount_usd_micros: "9007199254", metadata: { z: "1", a: "ä", "2": "" } };
    const transaction = await test.economy.listTransactions({ accountId: "dora" });
    const transaction_id = transaction.transactions[0]?.transactionId ?? "";
    const debited = await test.economy.debit({ requestId: "compare-3", accountId: "dora", amountUsdMicros: 9n });
    const spent = debited.transaction?.transactionId ?? "";
    const hold = await placeHold(test, "compare-1", "dora");
    const letGo = await placeHold(test, "compare-2", "dora");
    const payment = { from_account_id: "dora", to_account_id: "eli" };
    const items = [
      { transfer: { ...payment, request_id: "same-11", amount_usd_micros: "4" } },
      { debit: { request_id: "same-12", account_id: "ghost", amount_usd_micros: "4" } },
      {},
    ];
    const rows = [
      { account_id: "eve", points: "12.5" },
      { account_id: "sys:revenue", usd: "1" },
      { account_id: "eve" },
    ];
    const calls: [string, JsonValue][] = [
      ["UpsertTool", { tool: { tool_id: "b", pricing: { unit: "PRICING_UNIT_TOKEN", rate_usd: "0.000000000001" } } }],
      ["GetTool", { tool_id: "flux" }],
      ["ListTools", { page_size: 1 }],
      ["Credit", { ...write, request_id: "same-1", source: "CREDIT_SOURCE_ADMIN_GIFT", priority: 0 }],
      ["Debit", { ...account, request_id: "same-2", amount_usd_micros: "1", description: "zwölf €" }],
      ["GetBalance", account],
      ["BatchGetBalances", { account_ids: ["sys:revenue", "nobody", "dora", "dora"] }],
      ["GetTransaction", { transaction_id }],
      ["ListTransactions", { ...account, page_size: 1, start_time: "2020-01-01T00:00:00Z" }],
      ["Transfer", { ...payment, request_id: "same-5", amount_usd_micros: "7", description: "ü" }],
      ["BatchPost", { items }],
      ["RefundTransaction", { request_id: "same-6", transaction_id: spent, amount_usd_micros: "1", reason: "ß" }],
      ["PlaceHold", { ...account, request_id: "same-7", amount_usd_micros: "3" }],
      ["CaptureHold", { request_id: "same-8", hold_id: hold, amount_usd_micros: "2" }],
      ["ReleaseHold", { request_id: "same-9", hold_id: letGo }],
      ["GetHold", { hold_id: hold }],
      ["ListHolds", { ...account, states: ["HOLD_STATE_CAPTURED", "HOLD_STATE_RELEASED"], page_size: 1 }],
      ["ListCreditGrants", { ...account, include_spent: true }],
      ["ListAccounts", { page_size: 2 }],
      ["ImportLegacyBalances", { request_id: "same-10", source_name: "old", rows, usd_per_point: "0.000337" }],
      ["VerifyLedger", { ...account, page_size: 2 }],
      ["CreateGeneration", { ...account, request_id: "same-3", tool_id: "flux", attribution, step_index: 3 }],
      ["AttachRun", { generation_id, run_id: "run-compare" }],
      ["CompleteGeneration", { generation_id, outcome: "OUTCOME_SUCCEEDED", outputs }],
      ["ReportProgress", { generation_id, progress: 0.1 }],
      ["RetryPayment", { request_id: "same-4", generation_id: unpaid }],
      ["GetGeneration", { run_id: "run-compare" }],
      ["ListGenerations", { ...account, states: ["GENERATION_STATE_COMPLETED", "GENERATION_STATE_PENDING"] }],
      ["PreviewRewards", { ...account, base_cost_usd_micros: "1000000000000", attribution }],
      ["GetEarnings", { account_id: "carol", bucket: "EARNINGS_BUCKET_WEEK" }],
      ["ListRewards", { account_id: "carol", role: "REWARD_ROLE_SPELL_CREATOR" }],
      ["ListAssetUsage", { account_id: "carol", page_size: 1 }],
      ["PreviewCost", { ...account, tool_id: "flux", attribution }],
      ["GetRewardPolicy", { policy_id: "adr-012" }],
      ["SetRewardPolicy", { request_id: "same-13", policy: { kind: "REWARD_POLICY_KIND_SHARED_POOL", pool_bps: 700 } }],
      ["ListRewardPolicies", { page_size: 1 }],
    ];
    expect(calls.map(([method]) => method).sort()).toEqual(METHODS.map((method) => method.name).sort());

    for (const [method, request] of calls) {
      await grpc.answer(method, request);
      const expected = withoutMoments(await grpc.answer(method, request));
      // A repeated import says of each row that it was there already.
      const isKeyed =
        method !== "ImportLegacyBalances" && (request as { request_id?: string }).request_id !== undefined;
      expect(expected.isReplayed, method).toBe(isKeyed);
      for (const [name, way] of Object.entries(ways)) {
        expect(withoutMoments(await way.answer(method, request)), `${method} over ${name}`).toEqual(expected);
      }
    }
  });

  it("refuses as the gRPC port does, with the same details", async () => {
    const calls: RefusedCall[] = await refusedCalls(test);
    const invalid = { page_size: -1, types: [99], account_id: "", start_time: "1960-01-01T00:00:00Z" };
    const requests: [string, JsonValue][] = [
      ...calls.map(({ method, request }): [string, JsonValue] => [method, request as JsonValue]),
      ["ListTransactions", invalid],
      ["BatchGetBalances", { account_ids: Array.from({ length: 500 }, () => "no good") }],
    ];
    expect(requests.length).toBeGreaterThanOrEqual(14);
    for (const [method, request] of requests) {
      const expected = await grpc.refusal(method, request);
      for (const [name, way] of Object.entries(ways)) {
        expect(await way.refusal(method, request), `${method} over ${name}`).toEqual(expected);
      }
    }
  });

  it("gives each code the HTTP status that the Connect protocol has for it", async () => {
    const statusOf = async (method: string, request: object) =>
      (await post(test.app.httpUrl, method, JSON.stringify(request))).status;
    const debit = { request_id: "http", account_id: "poor", amount_usd_micros: "5" };
    expect(await statusOf("Debit", {})).toBe(400);
    expect(await statusOf("Debit", { ...debit, amount_usd_micros: "1000000000001" })).toBe(400);
    expect(await statusOf("Debit", debit)).toBe(400);
    expect(await statusOf("GetBalance", { account_id: "nobody" })).toBe(404);
    await fund(test, "poor");
    expect(await statusOf("Debit", { ...debit, request_id: "fund poor" })).toBe(409);
  });

  it("takes reads as GET, and writes only as POST", async () => {
    const get = (path: string, request: object) =>
      fetch(`${test.app.httpUrl}/${path}?connect=v1&encoding=json&message=${JSON.stringify(request)}`);
    const economy = "stationthis.economy.v1.EconomyService";
    await fund(test, "getter", 12n);
    const read = await get(`${economy}/GetBalance`, { account_id: "getter" });
    expect(await read.json()).toMatchObject({ balance: { balanceUsdMicros: "12" } });
    const write = await get(`${economy}/Debit`, { request_id: "get", account_id: "getter", amount_usd_micros: "5" });
    expect(write.status).toBe(405);
    expect((await test.economy.getBalance({ accountId: "getter" })).balance?.balanceUsdMicros).toBe(12n);
  });

  it("takes compressed bodies", async () => {
    const body = new Uint8Array(gzipSync(JSON.stringify({ account_ids: ["zipped"] })));
    const { text } = await post(test.app.httpUrl, "BatchGetBalances", body, { "content-encoding": "gzip" });
    expect(JSON.parse(text)).toEqual({ missingAccountIds: ["zipped"] });
  });
});

describe("the HTTP port in front of a store that is held up", () => {
  let test: TestApp;
  let holder: pg.Client;
  beforeAll(async () => {
    test = await startTestApp("postgres");
    await fund(test, "alice", 100n);
    holder = new pg.Client(test.database.url);
    await holder.connect();
  });
  afterAll(async () => {
    await holder.end();
    await test.stop();
  });

  it("answers a call at its deadline, and the same call again later", async () => {
    const body = JSON.stringify({ request_id: "late", account_id: "alice", amount_usd_micros: "10" });
    await holder.query("begin");
    await holder.query("lock table accounts in access exclusive mode");
    const late = await post(test.app.httpUrl, "Debit", body, { "connect-timeout-ms": "300" });
    // The lock is still held here: the answer didn't wait for it.
    await holder.query("rollback");
    expect(late.status).toBe(504);
    expect(httpRefusal(late).code).toBe(Code[Code.DeadlineExceeded]);

    expect((await post(test.app.httpUrl, "Debit", body)).status).toBe(200);
    expect((await test.economy.getBalance({ accountId: "alice" })).balance?.balanceUsdMicros).toBe(90n);
  });
});

/** update_time of a generation moves with each report: the one thing that a repetition may change. */
function withoutMoments({ response, isReplayed }: Answered): Answered {
  const { generation, ...rest } = response as { generation?: Record<string, JsonValue> };
  if (!generation) return { response, isReplayed };
  const { updateTime: _, ...settled } = generation;
  return { response: { ...rest, generation: settled }, isReplayed };
}

/** Times as the dynamic stubs take them. */
function asStub(request: JsonValue): JsonValue {
  const { start_time, ...rest } = request as { start_time?: string };
  if (start_time === undefined) return request;
  return { ...rest, start_time: { seconds: Date.parse(start_time) / 1_000 } };
}
