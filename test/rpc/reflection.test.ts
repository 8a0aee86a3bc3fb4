import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { create, type DescFile, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { file_google_rpc_error_details as fileErrorDetails } from "../../src/gen/google/rpc/error_details_pb.js";
import { file_google_rpc_status as fileStatus } from "../../src/gen/google/rpc/status_pb.js";
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "../../src/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "../../src/gen/health/v1/health_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { fund, METHODS, SERVICES } from "./support.js";

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

/** Everything that can be asked about: our services, health, reflection and what errors carry. */
const FILES = [
  ...SERVICES.map((service) => service.file),
  Health.file,
  ServerReflection.file,
  ServerReflectionV1Alpha.file,
  fileStatus,
  fileErrorDetails,
];

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionV1Alpha],
])("server reflection %s", (_, service) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
  });
  afterAll(() => test.stop());

  /** Asks on one stream and reads until the server has ended it. */
  async function ask(...questions: Question[]): Promise<ServerReflectionResponse["messageResponse"][]> {
    const transport = createGrpcTransport({ baseUrl: `http://${test.app.grpcAddress}` });
    const client = createClient(service as typeof ServerReflection, transport);
    const requests = (async function* () {
      for (const messageRequest of questions)
        yield create(ServerReflectionRequestSchema, { host: "h", messageRequest });
    })();
    const answers: ServerReflectionResponse["messageResponse"][] = [];
    for await (const { messageResponse } of client.serverReflectionInfo(requests)) answers.push(messageResponse);
    return answers;
  }

  async function filesFor(question: Question): Promise<FileDescriptorProto[]> {
    const [answer] = await ask(question);
    if (answer?.case !== "fileDescriptorResponse") throw new Error(`${JSON.stringify(question)}: ${answer?.case}`);
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  }

  it("lists the services that are served", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    if (answer?.case !== "listServicesResponse") throw new Error(`it answered ${answer?.case}`);
    expect(answer.value.service.map(({ name }) => name).sort()).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "stationthis.economy.v1.EconomyService",
      "stationthis.generation.v1.GenerationService",
      "stationthis.rewards.v1.RewardsService",
    ]);
  });

  it("serves every file as it is, with all it imports", async () => {
    const asked = withImports(FILES);
    expect(asked.length).toBeGreaterThan(FILES.length);
    for (const file of asked) {
      const served = await filesFor({ case: "fileByFilename", value: file.proto.name });
      expect(served[0]).toEqual(file.proto);
      const names = served.map((each) => each.name);
      for (const name of served.flatMap((each) => each.dependency)) expect(names, file.proto.name).toContain(name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("finds the file of every service, RPC, message, field and enum", async () => {
    const fileOf = new Map<string, string>();
    for (const file of withImports(SERVICES.map((each) => each.file))) {
      const named = [...file.messages, ...file.enums, ...file.services].map((each) => each.typeName);
      const rpcs = file.services.flatMap((each) => each.methods.map(({ name }) => `${each.typeName}.${name}`));
      const fields = file.messages.flatMap((each) => each.fields.map(({ name }) => `${each.typeName}.${name}`));
      for (const symbol of [...named, ...rpcs, ...fields]) fileOf.set(symbol, file.proto.name);
    }
    const questions = [...fileOf.keys()].map((value): Question => ({ case: "fileContainingSymbol", value }));
    const answers = await ask(...questions);
    const found = answers.map((answer) => {
      if (answer.case !== "fileDescriptorResponse") return answer.case;
      return fromBinary(FileDescriptorProtoSchema, answer.value.fileDescriptorProto[0] as Uint8Array).name;
    });
    expect(found).toEqual([...fileOf.values()]);
  });

  it("answers NOT_FOUND for what there is not, and goes on", async () => {
    const answers = await ask(
      { case: "fileByFilename", value: "no/such.proto" },
      { case: "fileContainingSymbol", value: "no.such.Symbol" },
      { case: "fileContainingSymbol", value: "" },
      {
        case: "fileContainingExtension",
        value: { containingType: "stationthis.economy.v1.Balance", extensionNumber: 9 },
      },
      { case: "allExtensionNumbersOfType", value: "no.such.Type" },
      { case: undefined },
      { case: "allExtensionNumbersOfType", value: "stationthis.economy.v1.Balance" },
    );
    expect(answers.slice(0, -1).map((answer) => answer.case)).toEqual(Array(6).fill("errorResponse"));
    for (const answer of answers.slice(0, -1)) expect(answer.value).toMatchObject({ errorCode: 5 });
    expect(answers.at(-1)?.value).toMatchObject({
      baseTypeName: "stationthis.economy.v1.Balance",
      extensionNumber: [],
    });
  });
});

describe("buf curl without a schema", () => {
  let test: TestApp;
  const called = new Set<string>();
  beforeAll(async () => {
    test = await startTestApp("sqlite");
  });
  afterAll(() => test.stop());

  async function curl(name: string, request: object): Promise<{ exitCode: number; said: Record<string, never> }> {
    const method = METHODS.find((each) => each.name === name);
    called.add(name);
    const url = `http://${test.app.grpcAddress}/${method?.parent.typeName}/${name}`;
    const flags = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", url, "-d", JSON.stringify(request)];
    const { exitCode, stdout, stderr } = await run(flags);
    return { exitCode, said: JSON.parse(exitCode === 0 ? stdout : stderr) as Record<string, never> };
  }

  async function answered(name: string, request: object): Promise<Record<string, never>> {
    const { exitCode, said } = await curl(name, request);
    expect({ exitCode, said }, name).toMatchObject({ exitCode: 0 });
    return said;
  }

  it("works on every RPC, maps and enums included", async () => {
    const pricing = { unit: "PRICING_UNIT_RUN", rate_usd: "0.01" };
    const alice = { account_id: "alice" };
    const attribution = { loras: [{ lora_id: "l", owner_account_id: "carol" }] };
    expect(await answered("UpsertTool", { tool: { tool_id: "flux", pricing } })).toMatchObject({
      tool: { pricing: { unit: "PRICING_UNIT_RUN", rateUsd: "0.01", multiplier: "1" } },
    });
    const credit = { ...alice, request_id: "1", amount_usd_micros: "20000", source: "CREDIT_SOURCE_PROMOTION" };
    expect(await answered("Credit", { ...credit, metadata: { order: "7", ключ: "значение" } })).toMatchObject({
      transaction: { type: "TRANSACTION_TYPE_CREDIT", metadata: { order: "7", ключ: "значение" } },
      creditGrant: { category: "CREDIT_CATEGORY_PROMOTIONAL" },
    });
    const debit = await answered("Debit", { ...alice, request_id: "2", amount_usd_micros: "5" });
    const { transactionId } = debit.transaction as unknown as { transactionId: string };
    const created = await answered("CreateGeneration", {
      ...alice,
      request_id: "3",
      tool_id: "flux",
      attribution,
      metadata: { chat: "-100" },
    });
    expect(created).toMatchObject({ generation: { state: "GENERATION_STATE_PENDING", metadata: { chat: "-100" } } });
    const { generationId } = created.generation as unknown as { generationId: string };
    await answered("CreateGeneration", { account_id: "broke", request_id: "4", tool_id: "flux", run_id: "run-2" });
    await answered("AttachRun", { generation_id: generationId, run_id: "run-1" });
    await answered("ReportProgress", { run_id: "run-1", status: "running", progress: 0.5 });
    const end = {
      outcome: "OUTCOME_SUCCEEDED",
      outputs: [{ url: "https://cdn.example/a", type: "OUTPUT_TYPE_MODEL" }],
    };
    expect(await answered("CompleteGeneration", { run_id: "run-1", ...end })).toMatchObject({
      generation: { state: "GENERATION_STATE_COMPLETED", outputs: [{ type: "OUTPUT_TYPE_MODEL" }] },
    });
    const unpaid = await answered("CompleteGeneration", { run_id: "run-2", ...end });
    expect(unpaid).toMatchObject({ generation: { state: "GENERATION_STATE_PAYMENT_FAILED" } });
    await fund(test, "broke");
    const broke = (unpaid.generation as unknown as { generationId: string }).generationId;
    await answered("RetryPayment", { request_id: "5", generation_id: broke });

    const transfer = { from_account_id: "alice", to_account_id: "dan", amount_usd_micros: "5" };
    await answered("Transfer", { ...transfer, request_id: "6" });
    expect(await answered("BatchPost", { items: [{ transfer: { ...transfer, request_id: "7" } }, {}] })).toMatchObject({
      results: [{ posted: { transaction: { type: "TRANSACTION_TYPE_TRANSFER" } } }, { status: { code: 3 } }],
    });
    await answered("RefundTransaction", { request_id: "8", transaction_id: transactionId, refund_all: true });
    const placed = await answered("PlaceHold", { ...alice, request_id: "9", amount_usd_micros: "7", ttl: "5s" });
    const { holdId } = placed.hold as unknown as { holdId: string };
    expect(await answered("CaptureHold", { request_id: "10", hold_id: holdId, amount_usd_micros: "6" })).toMatchObject({
      hold: { state: "HOLD_STATE_CAPTURED", capturedUsdMicros: "6" },
    });
    const unused = await answered("PlaceHold", { ...alice, request_id: "11", amount_usd_micros: "7" });
    const unusedId = (unused.hold as unknown as { holdId: string }).holdId;
    expect(await answered("ReleaseHold", { request_id: "12", hold_id: unusedId })).toMatchObject({
      hold: { state: "HOLD_STATE_RELEASED" },
    });
    expect(await answered("GetHold", { hold_id: holdId })).toHaveProperty("hold.expireTime");
    expect((await answered("ListHolds", { ...alice, states: ["HOLD_STATE_RELEASED"] })).holds).toHaveLength(1);
    expect(await answered("ListCreditGrants", alice)).toHaveProperty("creditGrants");
    expect(await answered("ListAccounts", {})).toHaveProperty("balances");
    const rows = [{ account_id: "eve", usd: "1.5" }];
    expect(await answered("ImportLegacyBalances", { request_id: "13", source_name: "s", rows })).toMatchObject({
      imported: 1,
      totalUsdMicros: "1500000",
    });
    expect(await answered("VerifyLedger", {})).toHaveProperty("checkedEntries");

    expect(await answered("GetTool", { tool_id: "flux" })).toHaveProperty("tool");
    expect(await answered("ListTools", {})).toHaveProperty("tools");
    expect(await answered("GetBalance", alice)).toMatchObject({ balance: { balanceUsdMicros: "9484" } });
    expect(await answered("BatchGetBalances", { account_ids: ["alice", "x"] })).toMatchObject({
      missingAccountIds: ["x"],
    });
    expect(await answered("GetTransaction", { transaction_id: transactionId })).toHaveProperty("transaction.entries");
    const types = ["TRANSACTION_TYPE_DEBIT", "TRANSACTION_TYPE_GENERATION_SETTLEMENT"];
    const listed = await answered("ListTransactions", { ...alice, types });
    expect(listed.transactions).toHaveLength(2);
    expect(await answered("GetGeneration", { run_id: "run-1" })).toHaveProperty("generation.pricing.unit");
    expect(await answered("ListGenerations", { ...alice, states: ["GENERATION_STATE_COMPLETED"] })).toHaveProperty(
      "generations",
    );
    expect(await answered("PreviewRewards", { ...alice, base_cost_usd_micros: "100", attribution })).toMatchObject({
      rewards: [{ role: "REWARD_ROLE_LORA_OWNER" }],
    });
    expect(await answered("GetEarnings", { account_id: "carol", bucket: "EARNINGS_BUCKET_MONTH" })).toMatchObject({
      totalUsdMicros: "500",
    });
    expect(await answered("ListRewards", { account_id: "carol" })).toHaveProperty("rewards");
    expect(await answered("ListAssetUsage", { account_id: "carol" })).toHaveProperty("assetUsages");
    expect(await answered("PreviewCost", { ...alice, tool_id: "flux", attribution })).toMatchObject({
      totalCostUsdMicros: "10500",
      rewards: [{ role: "REWARD_ROLE_LORA_OWNER", amountUsdMicros: "500" }],
    });
    const policy = { kind: "REWARD_POLICY_KIND_SHARED_POOL", pool_bps: 700 };
    expect(await answered("SetRewardPolicy", { request_id: "14", policy })).toMatchObject({ policy: { poolBps: 700 } });
    expect(await answered("GetRewardPolicy", { policy_id: "adr-012" })).toMatchObject({ policy: { loraFeeBps: 500 } });
    expect((await answered("ListRewardPolicies", {})).policies).toHaveLength(2);

    expect([...called].sort()).toEqual(METHODS.map((each) => each.name).sort());
  }, 180_000);

  it("prints the details of a refusal", async () => {
    const { exitCode, said } = await curl("Debit", {});
    expect(exitCode).not.toBe(0);
    expect(said).toMatchObject({
      code: "invalid_argument",
      details: [{ type: "google.rpc.ErrorInfo" }, { type: "google.rpc.BadRequest" }],
    });
    expect(said.message).toContain("amount_usd_micros: takes micro-USD from 1 to 1000000000000");
  });
});

/** Runs the real buf binary, where no schema is at hand. */
function run(flags: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
  const child = spawn(buf, flags, { cwd: tmpdir(), stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => {
    said.stdout += text;
  });
  child.stderr.on("data", (text) => {
    said.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, ...said }));
  });
}

function withImports(files: readonly DescFile[]): DescFile[] {
  const found = new Set<DescFile>();
  const add = (file: DescFile): void => {
    if (found.has(file)) return;
    found.add(file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return [...found];
}
