import { randomUUID } from "node:crypto";
import { create, type DescField, type DescMessage, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchPostResponse, BatchPostResult } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { REQUESTS, type RequestFields } from "./request-fields.js";
import { httpRefusal, METHODS, methodNamed, post, type Refusal, refusal, refusalOf } from "./support.js";

/** What a well-formed request for things that aren't there may be answered. */
const HARMLESS = ["NotFound", "FailedPrecondition", "AlreadyExists"];

const EVERY_FIELD = Object.entries(REQUESTS).flatMap(([rpc, { fields }]) =>
  Object.keys(fields).map((path): [string, string] => [rpc, path]),
);

let test: TestApp;
let transport: Transport;
beforeAll(async () => {
  test = await startTestApp("sqlite");
  transport = createGrpcTransport({ baseUrl: `http://${test.app.grpcAddress}` });
});
afterAll(() => test.stop());

/** Sends a request over gRPC, under a request_id of its own where it says "r". */
function send(rpc: string, request: object): Promise<unknown> {
  const method = methodNamed(rpc);
  const own = "requestId" in request && request.requestId === "r" ? { requestId: randomUUID() } : {};
  const message = create(method.input, { ...request, ...own } as never);
  return transport.unary(method as never, undefined, undefined, undefined, message as never);
}

/** The refusal of a request; undefined if it was answered. */
async function refusalIfAny(rpc: string, request: object): Promise<Refusal | undefined> {
  let answered = false;
  const sent = send(rpc, request).then((answer) => {
    answered = true;
    return Promise.reject(answer);
  });
  const refusal = await refusalOf(sent).catch((error: unknown) => {
    if (answered) return undefined;
    throw error;
  });
  return refusal;
}

/** One value after another: some RPCs bound how many calls run at once. */
async function each(values: readonly unknown[], check: (value: unknown) => Promise<void>): Promise<void> {
  for (const value of values) await check(value);
}

function fieldsOf(rpc: string): RequestFields {
  return REQUESTS[rpc] as RequestFields;
}

it("every RPC is in the table, and every field of its request", () => {
  expect(Object.keys(REQUESTS).sort()).toEqual(METHODS.map((method) => method.name).sort());
  for (const { name, input } of METHODS) {
    expect(Object.keys(fieldsOf(name).fields).sort(), name).toEqual(pathsOf(input).sort());
  }
});

describe.each(EVERY_FIELD)("%s %s", (rpc, path) => {
  const { base, fields } = fieldsOf(rpc);
  const field = fields[path] as RequestFields["fields"][string];

  it("is taken with every value that it takes", async () => {
    await each(field.taken, async (value) => {
      const refusal = await refusalIfAny(rpc, changed(rpc, base, path, value));
      if (refusal) expect(HARMLESS, `${shown(value)}: ${refusal.code} ${refusal.message}`).toContain(refusal.code);
    });
  });

  it("is named, it alone, with every value that it doesn't take", async () => {
    await each(field.refused, async (value) => {
      const refusal = await refusalOf(send(rpc, changed(rpc, base, path, value)));
      expect(refusal, shown(value)).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
      const named = refusal.violations.map((violation) => violation.field);
      expect(named.length, shown(value)).toBeGreaterThan(0);
      for (const name of named) expect(name.replace(/\["(?:[^"\\]|\\.)*"\]$/, ""), shown(value)).toBe(inMessage(path));
    });
    await each(field.outOfRange ?? [], async (value) => {
      const refusal = await refusalOf(send(rpc, changed(rpc, base, path, value)));
      expect(refusal, shown(value)).toMatchObject({
        code: "OutOfRange",
        reason: "AMOUNT_OUT_OF_RANGE",
        metadata: { amount_usd_micros: String(value), limit_usd_micros: "1000000000000" },
      });
    });
  });

  it("is named with JSON that is none of it", async () => {
    await each(field.unreadable, async (value) => {
      const answer = await post(test.app.httpUrl, rpc, JSON.stringify(inJson(rpc, base, path, value)));
      expect(answer.status, `${shown(value)}: ${answer.text}`).toBe(400);
      const refusal = httpRefusal(answer);
      expect(refusal, shown(value)).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
      const [top] = path.split(/[.[]/);
      expect(refusal.violations.map((violation) => violation.field.split(/[.[]/)[0])).toEqual([top]);
    });
  });
});

describe.each(Object.keys(REQUESTS))("%s", (rpc) => {
  it("names every required field of an empty request at once", async () => {
    const required = Object.entries(fieldsOf(rpc).fields).filter(
      ([path, kind]) => kind.isRequired && !/[.[]/.test(path),
    );
    const expected = required.map(([path]) => path).sort();
    const needsOneOf = ["GetGeneration", "ReportProgress", "CompleteGeneration"].includes(rpc) ? ["generation_id"] : [];
    const refusal = await refusalIfAny(rpc, {});
    expect((refusal?.violations ?? []).map((violation) => violation.field).sort()).toEqual(
      [...expected, ...needsOneOf].sort(),
    );
  });

  it("names every field at once that can't be taken", async () => {
    const { base, fields } = fieldsOf(rpc);
    const refusable = Object.entries(fields).filter(([path, kind]) => kind.refused.length > 0 && !/[.[]/.test(path));
    const single = refusable.filter(([path]) => isFirstOfItsOneof(rpc, path));
    const request = single.reduce((so, [path, kind]) => changed(rpc, so, path, kind.refused.at(0)), base);
    const { violations } = await refusalOf(send(rpc, request));
    const named = new Set(violations.map((violation) => violation.field.replace(/\[.*/, "")));
    expect([...named].sort()).toEqual(single.map(([path]) => path).sort());
  });
});

it("one field in trouble hides an amount that is out of range: the caller mends the request first", async () => {
  const refusal = await refusalOf(send("Debit", { requestId: "", accountId: "a", amountUsdMicros: 2n ** 53n }));
  expect(refusal.violations.map((violation) => violation.field)).toEqual(["request_id"]);
});

it("a free tool has no rate, and any other has one", async () => {
  const tool = (pricing: object) => ({ tool: { toolId: "priced", pricing } });
  const withRate = await refusalOf(send("UpsertTool", tool({ unit: 4, rateUsd: "1" })));
  expect(withRate.violations).toEqual([
    { field: "tool.pricing.rate_usd", description: "is left out for PRICING_UNIT_FREE" },
  ]);
  expect(await refusalIfAny("UpsertTool", tool({ unit: 4 }))).toBeUndefined();
});

describe.each(["Debit", "Credit", "Transfer"])("a %s in a batch", (rpc) => {
  it("is refused with what the call by itself is refused with, and by itself", async () => {
    const { base, fields } = fieldsOf(rpc);
    const bad = Object.entries(fields).flatMap(([path, kind]) =>
      [...kind.refused, ...(kind.outOfRange ?? [])].map((value) => changed(rpc, base, path, value)),
    );
    const sound = { requestId: randomUUID(), accountId: "a", amountUsdMicros: 1n, source: 1 };
    const credit = { item: { case: "credit", value: sound } };
    const name = rpc.toLowerCase();
    const items = bad.map((value) => ({ item: { case: name, value } }));
    const answer = await send("BatchPost", { items: [...items, credit] });
    const { results } = (answer as { message: BatchPostResponse }).message;
    expect(results.map(({ result }) => result.case)).toEqual([...bad.map(() => "status"), "posted"]);
    for (const [index, request] of bad.entries()) {
      const alone = await refusalOf(send(rpc, request));
      expect(refusalIn(results[index]), shown(request)).toEqual(alone);
    }
  });
});

/** The refusal of one item of a batch. */
function refusalIn(result: BatchPostResult | undefined): Refusal {
  if (result?.result.case !== "status") throw new Error(`it was ${result?.result.case}`);
  const { code, message, details } = result.result.value;
  return refusal(
    code,
    message,
    details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").pop() ?? "", value })),
  );
}

/** Messages whose fields are checked one item after another, so that a bad item is refused by itself. */
const CHECKED_APART = ["stationthis.economy.v1.BatchPostItem", "stationthis.economy.v1.LegacyBalance"];

/** Paths of all fields of a message, in proto names; [] stands for the items of a list. */
function pathsOf(desc: DescMessage, prefix = ""): string[] {
  return desc.fields.flatMap((field): string[] => {
    const path = prefix + field.name;
    switch (field.fieldKind) {
      case "list":
        if (field.listKind !== "message") return [path, `${path}[]`];
        return [path, ...(CHECKED_APART.includes(field.message.typeName) ? [] : pathsOf(field.message, `${path}[].`))];
      case "message":
        return isWellKnown(field.message) ? [path] : [path, ...pathsOf(field.message, `${path}.`)];
      default:
        return [path];
    }
  });
}

function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

/** A copy of a request with one value in it. */
function changed(rpc: string, base: object, path: string, value: unknown): object {
  return withValue(methodNamed(rpc).input, base, path, value);
}

function withValue(desc: DescMessage, base: object, path: string, value: unknown): object {
  const [first = "", ...rest] = path.split(".");
  const isItem = first.endsWith("[]");
  const field = fieldNamed(desc, first.replace("[]", ""));
  const inner = (base as Record<string, unknown>)[field.localName];
  const within = ((isItem ? (inner as unknown[])[0] : inner) ?? {}) as object;
  const set = rest.length > 0 ? withValue(field.message as DescMessage, within, rest.join("."), value) : value;
  if (field.oneof) return { ...base, [field.oneof.localName]: { case: field.localName, value: set } };
  return { ...base, [field.localName]: isItem ? [set] : set };
}

function fieldNamed(desc: DescMessage, name: string): DescField {
  const field = desc.fields.find((each) => each.name === name);
  if (!field) throw new Error(`${desc.typeName} has no field ${name}`);
  return field;
}

/** Only one field of a oneof can be in a request. */
function isFirstOfItsOneof(rpc: string, path: string): boolean {
  const field = fieldNamed(methodNamed(rpc).input, path);
  return !field.oneof || field.oneof.fields[0] === field;
}

/** The path as a violation says it. */
function inMessage(path: string): string {
  return path.replaceAll("[]", "[0]");
}

/** The JSON of a request with a value in it that no message could hold. */
function inJson(rpc: string, base: object, path: string, value: unknown): JsonValue {
  const { input } = methodNamed(rpc);
  return withJsonValue(input, toJson(input, create(input, base as never)) as object, path, value) as JsonValue;
}

function withJsonValue(desc: DescMessage, base: object, path: string, value: unknown): object {
  const [first = "", ...rest] = path.split(".");
  const isItem = first.endsWith("[]");
  const field = fieldNamed(desc, first.replace("[]", ""));
  const inner = (base as Record<string, unknown>)[field.jsonName];
  const within = ((isItem ? (inner as unknown[])[0] : inner) ?? {}) as object;
  const set = rest.length > 0 ? withJsonValue(field.message as DescMessage, within, rest.join("."), value) : value;
  const others = field.oneof?.fields.map((each) => each.jsonName) ?? [];
  const kept = Object.fromEntries(Object.entries(base).filter(([name]) => !others.includes(name)));
  return { ...kept, [field.jsonName]: isItem ? [set] : set };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part));
  return text === undefined ? "nothing" : text.slice(0, 80);
}
