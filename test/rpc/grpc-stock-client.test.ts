import { connect as connectHttp2 } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS } from "../../src/domain/errors.js";
import { DebitRequestSchema } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { type RefusedCall, refusedCalls } from "./refused-calls.js";
import { fund, METHODS, refusalOf, StockClients } from "./support.js";

/** Reasons that need a broken store, a full queue or a defect; health.test.ts breaks a store. */
const NOT_BY_CALLING = ["STORE_UNAVAILABLE", "OVERLOADED", "INTERNAL"];

describe("a stock gRPC client with dynamic stubs", () => {
  let test: TestApp;
  let clients: StockClients;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
    clients = new StockClients(test.app.grpcAddress);
  });
  afterAll(async () => {
    clients.close();
    await test.stop();
  });

  it("gets an answer from every RPC", async () => {
    const call = async (name: string, request: object) => (await clients.call(name, request)).response as never;
    const outputs = [{ url: "https://cdn.example/a.png", type: "OUTPUT_TYPE_IMAGE", filename: "a.png" }];
    const attribution = { loras: [{ lora_id: "lora-1", owner_account_id: "carol" }] };
    const tool = { tool_id: "pixels", pricing: { unit: "PRICING_UNIT_RUN", rate_usd: "0.01" } };

    expect(await call("UpsertTool", { tool })).toMatchObject({ tool: { tool_id: "pixels", provider: "comfydeploy" } });
    expect(await call("GetTool", { tool_id: "pixels" })).toMatchObject({ tool: { pricing: { rate_usd: "0.01" } } });
    expect(await call("ListTools", {})).toMatchObject({ tools: [{ tool_id: "pixels" }], next_page_token: "" });

    const credit = {
      request_id: "stock-credit",
      account_id: "erin",
      amount_usd_micros: "20000",
      source: "CREDIT_SOURCE_DEPOSIT",
      metadata: { order: "42" },
    };
    expect(await call("Credit", credit)).toMatchObject({
      transaction: { type: "TRANSACTION_TYPE_CREDIT", metadata: { order: "42" }, request_id: "stock-credit" },
      balance: { balance_usd_micros: "20000", version: "1" },
      credit_grant: { category: "CREDIT_CATEGORY_PAID", priority: 50, remaining_usd_micros: "20000" },
    });
    const debited = await clients.call("Debit", {
      request_id: "stock-debit",
      account_id: "erin",
      amount_usd_micros: "500",
    });
    expect(debited.response).toMatchObject({ balance: { available_usd_micros: "19500" } });
    const { transaction_id } = debited.response.transaction as { transaction_id: string };
    expect(await call("GetTransaction", { transaction_id })).toMatchObject({
      transaction: { entries: [{ account_id: "erin", amount_usd_micros: "-500" }, { account_id: "sys:revenue" }] },
    });
    expect(await call("ListTransactions", { account_id: "erin", types: ["TRANSACTION_TYPE_DEBIT"] })).toMatchObject({
      transactions: [{ transaction_id }],
    });
    expect(await call("GetBalance", { account_id: "erin" })).toMatchObject({ balance: { version: "2" } });
    expect(await call("BatchGetBalances", { account_ids: ["erin", "ghost"] })).toMatchObject({
      balances: [{ account_id: "erin" }],
      missing_account_ids: ["ghost"],
    });

    const creation = { request_id: "stock-create", account_id: "erin", tool_id: "pixels", attribution };
    const created = (await clients.call("CreateGeneration", creation)).response;
    expect(created).toMatchObject({ generation: { state: "GENERATION_STATE_PENDING" } });
    expect(created.webhook_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/webhooks\//);
    const { generation_id } = created.generation as { generation_id: string };
    expect(await call("AttachRun", { generation_id, run_id: "run-7" })).toMatchObject({
      generation: { run_id: "run-7" },
    });
    expect(await call("ReportProgress", { run_id: "run-7", status: "RUNNING", progress: 0.25 })).toMatchObject({
      generation: { state: "GENERATION_STATE_RUNNING", progress: 0.25, outputs: [] },
    });
    expect(await call("CompleteGeneration", { run_id: "run-7", outcome: "OUTCOME_SUCCEEDED", outputs })).toMatchObject({
      generation: { state: "GENERATION_STATE_COMPLETED", total_cost_usd_micros: "10500", outputs },
      transaction: { type: "TRANSACTION_TYPE_GENERATION_SETTLEMENT", generation_id },
      already_final: false,
    });
    expect(await call("GetGeneration", { generation_id })).toMatchObject({ generation: { fee_usd_micros: "500" } });
    expect(await call("ListGenerations", { account_id: "erin" })).toMatchObject({ generations: [{ generation_id }] });

    const unpaid = { request_id: "stock-unpaid", account_id: "frank", tool_id: "pixels", run_id: "run-8" };
    await clients.call("CreateGeneration", unpaid);
    const ended = await clients.call("CompleteGeneration", { run_id: "run-8", outcome: "OUTCOME_SUCCEEDED", outputs });
    expect(ended.response).toMatchObject({
      generation: { state: "GENERATION_STATE_PAYMENT_FAILED", outputs: [] },
      transaction: null,
    });
    const failed = ended.response.generation as { generation_id: string };
    await fund(test, "frank");
    expect(
      await call("RetryPayment", { request_id: "stock-retry", generation_id: failed.generation_id }),
    ).toMatchObject({
      generation: { state: "GENERATION_STATE_COMPLETED", charged_account_id: "frank", outputs },
    });

    const preview = { base_cost_usd_micros: "10000", account_id: "erin", attribution };
    expect(await call("PreviewRewards", preview)).toMatchObject({
      fee_usd_micros: "500",
      rewards: [{ account_id: "carol", role: "REWARD_ROLE_LORA_OWNER", amount_points: "1.48" }],
    });
    expect(await call("GetEarnings", { account_id: "carol", group_by: "EARNINGS_GROUP_ASSET" })).toMatchObject({
      total_usd_micros: "500",
      buckets: [{ asset: "lora-1", uses: "1" }],
    });
    expect(await call("ListRewards", { account_id: "carol" })).toMatchObject({ rewards: [{ generation_id }] });
    expect(await call("ListAssetUsage", { account_id: "carol" })).toMatchObject({
      asset_usages: [{ asset_id: "lora-1", role: "REWARD_ROLE_LORA_OWNER", distinct_users: "1" }],
    });

    expect([...clients.called].sort()).toEqual(METHODS.map((method) => method.name).sort());
  });

  it("can tell a repetition from a first call by idempotent-replayed", async () => {
    const request = {
      request_id: "replay",
      account_id: "gina",
      amount_usd_micros: "7",
      source: "CREDIT_SOURCE_PURCHASE",
    };
    const first = await clients.call("Credit", request);
    const second = await clients.call("Credit", request);
    expect(first.header).not.toHaveProperty("idempotent-replayed");
    expect(second.header).toMatchObject({ "idempotent-replayed": "true" });
    expect(second.response).toEqual(first.response);
    const read = await clients.call("GetBalance", { account_id: "gina" });
    expect(read.header).not.toHaveProperty("idempotent-replayed");
  });

  it("gets all violations of a request at once, with the paths of its fields", async () => {
    const refusal = await refusalOf(
      clients.call("CreateGeneration", {
        account_id: "sys:revenue",
        payer_account_id: "no good",
        pricing: { unit: "PRICING_UNIT_SECOND", rate_usd: "-1" },
        attribution: { loras: [{ lora_id: "fine" }, { owner_account_id: "x" }] },
        step_index: -1,
        metadata: { "": "x" },
      }),
    );
    expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS", metadata: {} });
    expect(refusal.violations.map((violation) => violation.field)).toEqual([
      "request_id",
      "account_id",
      "payer_account_id",
      "tool_id",
      "pricing.rate_usd",
      "attribution.loras[1].lora_id",
      "step_index",
      'metadata[""]',
    ]);
    for (const { description } of refusal.violations) expect(description).toMatch(/^takes /);
  });

  it("is answered even if more is wrong than a header can say", async () => {
    const bad = { url: "x".repeat(3_000), filename: "x".repeat(600), node_id: "x".repeat(200), type: 99 };
    const outputs = Array.from({ length: 1_000 }, () => bad);
    const refusal = await refusalOf(clients.call("ReportProgress", { generation_id: "g", outputs }));
    expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
    expect(refusal.violations[0]).toEqual({ field: "outputs[0].url", description: "takes at most 2048 characters" });
    expect(refusal.message).toMatch(/; and 3995 more$/);
  });

  it("may compress its messages", async () => {
    const gzipping = new StockClients(test.app.grpcAddress, { "grpc.default_compression_algorithm": 2 });
    try {
      const account_ids = Array.from({ length: 500 }, (_, index) => `ghost-${index}`);
      const { response } = await gzipping.call("BatchGetBalances", { account_ids });
      expect(response.missing_account_ids).toEqual(account_ids);
    } finally {
      gzipping.close();
    }
  });

  it("hears UNIMPLEMENTED of an RPC that there is not", async () => {
    expect(await rawCall(test, "stationthis.economy.v1.EconomyService/Nope", Buffer.alloc(0), {})).toBe(12);
  });

  describe("that is refused", () => {
    let calls: RefusedCall[];
    beforeAll(async () => {
      calls = await refusedCalls(test);
    });

    it("reads the reason and the metadata of the error table in ErrorInfo", async () => {
      for (const { method, request, reason, code, metadata } of calls) {
        const refusal = await refusalOf(clients.call(method, request));
        expect(refusal, reason).toMatchObject({
          reason,
          domain: "stationthis.economy",
          metadata,
          retryDelayMs: undefined,
        });
        expect(snakeCase(refusal.code), reason).toBe(code);
        expect(Object.keys(refusal.metadata).sort(), reason).toEqual(Object.keys(metadata).sort());
      }
    });

    it("finds every number of a message in the metadata", async () => {
      for (const { method, request, reason } of calls) {
        const { message, metadata } = await refusalOf(clients.call(method, request));
        if (reason === "INVALID_FIELDS") continue;
        const told = Object.values(metadata).join(" ");
        for (const [number] of message.matchAll(/\d+/g)) expect(told, `${reason}: ${message}`).toContain(number);
      }
    });

    it("meets every reason that a call can bring about", () => {
      const reasons = Object.keys(ERRORS).filter((reason) => !NOT_BY_CALLING.includes(reason));
      expect(calls.map((call) => call.reason).sort()).toEqual(reasons.sort());
    });
  });
});

describe("a stock gRPC client in front of a store that is held up", () => {
  let test: TestApp;
  let clients: StockClients;
  let holder: pg.Client;
  beforeAll(async () => {
    test = await startTestApp("postgres");
    clients = new StockClients(test.app.grpcAddress);
    await fund(test, "alice", 100n);
    holder = new pg.Client(test.database.url);
    await holder.connect();
  });
  afterAll(async () => {
    clients.close();
    await holder.end();
    await test.stop();
  });

  const debit = (request_id: string) => ({ request_id, account_id: "alice", amount_usd_micros: "10" });
  const balance = async () => (await test.economy.getBalance({ accountId: "alice" })).balance?.balanceUsdMicros;

  /** Runs something while nobody can change an account. */
  async function whileHeldUp(work: () => Promise<void>): Promise<void> {
    await holder.query("begin");
    await holder.query("lock table accounts in access exclusive mode");
    try {
      await work();
    } finally {
      await holder.query("rollback");
    }
  }

  it("is answered at its deadline, and finds out by repeating the call what came of it", async () => {
    await whileHeldUp(async () => {
      const refusal = await refusalOf(clients.call("Debit", debit("late"), { deadline: Date.now() + 300 }));
      expect(refusal.code).toBe("DeadlineExceeded");
    });
    await clients.call("Debit", debit("late"));
    expect(await balance()).toBe(90n);
  });

  it("is answered at its deadline by the server, if it keeps none itself", async () => {
    const request = create(DebitRequestSchema, { requestId: "raw", accountId: "alice", amountUsdMicros: 10n });
    const message = Buffer.from(toBinary(DebitRequestSchema, request));
    await whileHeldUp(async () => {
      const code = await rawCall(test, "stationthis.economy.v1.EconomyService/Debit", message, {
        "grpc-timeout": "300m",
      });
      expect(code).toBe(4);
    });
    await clients.call("Debit", debit("raw"));
    expect(await balance()).toBe(80n);
  });

  it("may cancel, and is served afterwards", async () => {
    await whileHeldUp(async () => {
      const cancelled = clients.call("Debit", debit("gone"), {}, (cancel) => setTimeout(cancel, 100));
      expect((await refusalOf(cancelled)).code).toBe("Canceled");
    });
    await clients.call("Debit", debit("gone"));
    expect(await balance()).toBe(70n);
  });
});

function snakeCase(code: string): string {
  return code.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** One gRPC call by hand. @returns its grpc-status */
function rawCall(test: TestApp, path: string, message: Buffer, headers: Record<string, string>): Promise<number> {
  const session = connectHttp2(`http://${test.app.grpcAddress}`);
  const stream = session.request({
    ":method": "POST",
    ":path": `/${path}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([envelope, message]));
  stream.resume();
  return new Promise((resolve, reject) => {
    const answer = (received: Record<string, unknown>) => {
      if (received["grpc-status"] !== undefined) resolve(Number(received["grpc-status"]));
    };
    stream.on("response", answer);
    stream.on("trailers", answer);
    stream.on("error", reject);
    stream.on("close", () => session.close());
  });
}
