import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { fund, METHODS, StockClients } from "./support.js";

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
    const transfer = { request_id: "stock-transfer", from_account_id: "erin", to_account_id: "hal" };
    expect(await call("Transfer", { ...transfer, amount_usd_micros: "100" })).toMatchObject({
      transaction: { type: "TRANSACTION_TYPE_TRANSFER" },
      from_balance: { balance_usd_micros: "19400" },
      to_balance: { account_id: "hal", balance_usd_micros: "100", version: "1" },
    });
    expect(
      await call("RefundTransaction", { request_id: "stock-refund", transaction_id, refund_all: true }),
    ).toMatchObject({
      transaction: { type: "TRANSACTION_TYPE_REFUND", refund_of_transaction_id: transaction_id },
      balance: { balance_usd_micros: "19900" },
    });
    const items = [
      { debit: { request_id: "stock-b1", account_id: "erin", amount_usd_micros: "100" } },
      { debit: { request_id: "stock-b2", account_id: "ghost", amount_usd_micros: "1" } },
    ];
    expect(await call("BatchPost", { items })).toMatchObject({
      results: [
        { result: "posted", posted: { balance: { balance_usd_micros: "19800" }, replayed: false } },
        { result: "status", status: { code: 9, details: [{ type_url: "type.googleapis.com/google.rpc.ErrorInfo" }] } },
      ],
    });

    const place = { account_id: "erin", amount_usd_micros: "75", ttl: { seconds: 60 } };
    const placed = (await clients.call("PlaceHold", { ...place, request_id: "stock-hold-1" })).response;
    expect(placed).toMatchObject({
      hold: { state: "HOLD_STATE_ACTIVE", amount_usd_micros: "75" },
      balance: { balance_usd_micros: "19800", held_usd_micros: "75", available_usd_micros: "19725" },
    });
    const { hold_id } = placed.hold as { hold_id: string };
    expect(await call("CaptureHold", { request_id: "stock-capture", hold_id, amount_usd_micros: "50" })).toMatchObject({
      transaction: { type: "TRANSACTION_TYPE_HOLD_CAPTURE" },
      hold: { state: "HOLD_STATE_CAPTURED", captured_usd_micros: "50" },
      balance: { balance_usd_micros: "19750", held_usd_micros: "0" },
    });
    expect(await call("GetHold", { hold_id })).toMatchObject({ hold: { hold_id, state: "HOLD_STATE_CAPTURED" } });
    const other = (await clients.call("PlaceHold", { ...place, request_id: "stock-hold-2" })).response;
    const released = { request_id: "stock-release", hold_id: (other.hold as { hold_id: string }).hold_id };
    expect(await call("ReleaseHold", released)).toMatchObject({
      hold: { state: "HOLD_STATE_RELEASED", captured_usd_micros: "0" },
      balance: { available_usd_micros: "19750" },
    });
    expect(await call("ListHolds", { account_id: "erin", states: ["HOLD_STATE_CAPTURED"] })).toMatchObject({
      holds: [{ hold_id }],
      next_page_token: "",
    });
    expect(await call("ListCreditGrants", { account_id: "erin" })).toMatchObject({
      credit_grants: [{ remaining_usd_micros: "19750", amount_usd_micros: "20000" }],
    });
    expect(await call("ListAccounts", {})).toMatchObject({
      balances: [
        { account_id: "erin" },
        { account_id: "hal" },
        { account_id: "sys:deposits" },
        { account_id: "sys:revenue" },
      ],
    });
    const rows = [
      { account_id: "ian", points: "1000" },
      { account_id: "ian", usd: "-1" },
    ];
    const legacy = { request_id: "stock-import", source_name: "mongo", rows, usd_per_point: "0.000337" };
    expect(await call("ImportLegacyBalances", legacy)).toMatchObject({
      imported: 1,
      refused: 1,
      total_usd_micros: "337000",
      results: [
        { row: 0, imported: true },
        { row: 1, imported: false },
      ],
    });
    expect(await call("VerifyLedger", { account_id: "ian" })).toMatchObject({
      checked_accounts: "1",
      checked_entries: "1",
      violations: [],
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

    const wish = { account_id: "erin", tool_id: "pixels", attribution };
    expect(await call("PreviewCost", wish)).toMatchObject({
      base_cost_usd_micros: "10000",
      fee_usd_micros: "500",
      total_cost_usd_micros: "10500",
      rewards: [{ account_id: "carol", role: "REWARD_ROLE_LORA_OWNER", amount_usd_micros: "500" }],
    });
    const policy = { kind: "REWARD_POLICY_KIND_SHARED_POOL", pool_bps: 700 };
    expect(await call("SetRewardPolicy", { request_id: "stock-policy", policy })).toMatchObject({
      policy: { kind: "REWARD_POLICY_KIND_SHARED_POOL", pool_bps: 700 },
    });
    expect(await call("GetRewardPolicy", { at_time: { seconds: 1_577_836_800 } })).toMatchObject({
      policy: { policy_id: "adr-012", lora_fee_bps: 500 },
    });
    expect(await call("ListRewardPolicies", {})).toMatchObject({
      policies: [{ pool_bps: 700 }, { policy_id: "adr-012" }],
    });

    expect([...clients.called].sort()).toEqual(METHODS.map((method) => method.name).sort());
  });
});
