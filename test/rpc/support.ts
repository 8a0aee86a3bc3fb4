import { fileURLToPath } from "node:url";
import type { DescMessage, DescMethod, DescService, JsonValue } from "@bufbuild/protobuf";
import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type CallOptions,
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type MethodDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  file_google_rpc_error_details as fileErrorDetails,
  RetryInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "../../src/gen/stationthis/rewards/v1/rewards_service_pb.js";
import type { TestApp } from "../support/app.js";

/** The three services of the API. */
export const SERVICES: readonly DescService[] = [EconomyService, GenerationService, RewardsService];
export const METHODS: readonly DescMethod[] = SERVICES.flatMap((service) => service.methods);

export function methodNamed(name: string): DescMethod {
  const method = METHODS.find((each) => each.name === name);
  if (!method) throw new Error(`there is no RPC ${name}`);
  return method;
}

/** Where protos import from: ours, and google.rpc, which every gRPC toolbox brings along. */
const PROTO_DIRECTORIES = ["../../proto", "../../node_modules/google-proto-files"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** What protoc plugins of other languages would make of the published .proto files, and nothing of ours. */
const STOCK = loadPackageDefinition(
  loadSync(
    SERVICES.map((service) => `${service.file.name}.proto`),
    { includeDirs: PROTO_DIRECTORIES, keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
  ),
);

type Plain = Record<string, unknown>;
type UnaryCall = (
  request: object,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, response: Plain) => void,
) => { on(event: "metadata", listener: (header: Metadata) => void): void; cancel(): void };

export interface Answer {
  /** As @grpc/proto-loader decodes it. */
  readonly response: Plain;
  /** Names and values of the response's header. */
  readonly header: Record<string, unknown>;
}

/** Stock @grpc/grpc-js clients with dynamic stubs, one a service. */
export class StockClients {
  private readonly clients = new Map<string, Client>();
  /** Names of the RPCs that were called. */
  readonly called = new Set<string>();

  constructor(address: string, channelOptions: Record<string, unknown> = {}) {
    for (const { typeName } of SERVICES) {
      const Constructor = typeName.split(".").reduce<unknown>((part, name) => (part as Plain)[name], STOCK);
      const Stub = Constructor as ServiceClientConstructor;
      this.clients.set(typeName, new Stub(address, credentials.createInsecure(), channelOptions));
    }
  }

  /** Calls an RPC by name. Rejects with the ServiceError. @param onStart is given a way to cancel the call */
  call(
    name: string,
    request: object,
    options: CallOptions = {},
    onStart?: (cancel: () => void) => void,
  ): Promise<Answer> {
    const client = this.clients.get(methodNamed(name).parent.typeName) as Client;
    this.called.add(name);
    return new Promise((resolve, reject) => {
      const method = (client as unknown as Record<string, UnaryCall>)[name] as UnaryCall;
      let header: Record<string, unknown> = {};
      const call = method.call(client, request, new Metadata(), options, (error, response) =>
        error ? reject(error) : resolve({ response, header }),
      );
      call.on("metadata", (received) => {
        header = received.getMap();
      });
      onStart?.(() => call.cancel());
    });
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }
}

/** What a refusal inside an answer may carry. */
export const DETAILS = createRegistry(fileErrorDetails);

/** What a stock client was answered, as canonical JSON, to compare with other transports. */
export function canonical(name: string, response: Plain): JsonValue {
  const { parent, output } = methodNamed(name);
  const stub = parent.typeName.split(".").reduce<unknown>((part, each) => (part as Plain)[each], STOCK);
  const definition = (stub as { service: Record<string, MethodDefinition<Plain, Plain>> }).service[name];
  return canonicalBytes(output, definition?.responseSerialize(response) as Buffer);
}

export function canonicalBytes(desc: DescMessage, bytes: Uint8Array): JsonValue {
  return toJson(desc, fromBinary(desc, bytes), { registry: DETAILS });
}

/** A refusal, the same whichever way it came. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  readonly retryDelayMs: number | undefined;
}

interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
}

export function refusal(code: Code, message: string, details: readonly Detail[]): Refusal {
  const bytesOf = (desc: DescMessage) => details.find((detail) => detail.type === desc.typeName)?.value;
  const [info, bad, retry] = [bytesOf(ErrorInfoSchema), bytesOf(BadRequestSchema), bytesOf(RetryInfoSchema)];
  const errorInfo = info && fromBinary(ErrorInfoSchema, info);
  return {
    code: Code[code] as string,
    message,
    reason: errorInfo?.reason,
    domain: errorInfo?.domain,
    metadata: { ...errorInfo?.metadata },
    violations: bad
      ? fromBinary(BadRequestSchema, bad).fieldViolations.map(({ field, description }) => ({ field, description }))
      : [],
    retryDelayMs: retry && millisecondsOf(fromBinary(RetryInfoSchema, retry).retryDelay),
  };
}

function millisecondsOf(duration: Duration | undefined): number {
  return duration ? Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000 : 0;
}

/** Waits for a call to be refused, on whichever client, and reads the refusal with its details. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    (answer) => Promise.reject(new Error(`it was not refused but answered ${String(answer)}`)),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectError) {
    const details = error.details.filter((detail): detail is Detail & { debug?: never } => "type" in detail);
    return refusal(error.code, error.rawMessage, details);
  }
  return grpcRefusal(error as ServiceError);
}

function grpcRefusal(error: ServiceError): Refusal {
  if (typeof error.code !== "number") throw error;
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const status = bytes === undefined ? undefined : fromBinary(StatusSchema, bytes as Buffer);
  const details = status?.details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").pop() ?? "", value })) ?? [];
  if (status && (status.code !== error.code || status.message !== error.details)) {
    throw new Error(`grpc-status-details-bin says ${status.code} ${status.message}, the call ${error.message}`);
  }
  return refusal(error.code as number, error.details, details);
}

/** A message as it stands in a body of gRPC or gRPC-Web. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(flags);
  header.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([header, message]);
}

/** The answer to a POST over plain HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Posts a body to an RPC with fetch. */
export async function post(
  httpUrl: string,
  name: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const { parent } = methodNamed(name);
  const response = await fetch(`${httpUrl}/${parent.typeName}/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

interface JsonError {
  readonly code: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** The refusal in a Connect JSON answer. */
export function httpRefusal({ status, text }: HttpAnswer): Refusal {
  if (status < 400) throw new Error(`it was not refused but answered ${text}`);
  const { code, message, details } = JSON.parse(text) as JsonError;
  const name = code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const read = (details ?? []).map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
  return refusal(Code[name as keyof typeof Code], message ?? "", read);
}

/** Opens an account with money in it. */
export async function fund(test: TestApp, accountId: string, amountUsdMicros = 1_000_000n): Promise<void> {
  const requestId = `fund ${accountId}`;
  await test.economy.credit({ requestId, accountId, amountUsdMicros, source: CreditSource.DEPOSIT });
}

/** A tool at one cent a run. */
export async function registerTool(test: TestApp, toolId = "flux"): Promise<void> {
  await test.generations.upsertTool({ tool: { toolId, pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } } });
}

/** Opens a generation and says its id. */
export async function openGeneration(
  test: TestApp,
  requestId: string,
  accountId = "alice",
  more: { runId?: string; toolId?: string; placeHold?: boolean } = {},
): Promise<string> {
  const created = await test.generations.createGeneration({ requestId, accountId, toolId: "flux", ...more });
  return created.generation?.generationId ?? "";
}

/** Sets 5 micro-USD aside and says the hold's id. */
export async function placeHold(test: TestApp, requestId: string, accountId = "alice"): Promise<string> {
  const { hold } = await test.economy.placeHold({ requestId, accountId, amountUsdMicros: 5n });
  return hold?.holdId ?? "";
}
