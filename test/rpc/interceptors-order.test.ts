import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { type GrpcServer, startGrpcServer } from "../../src/rpc/grpc-server.js";
import { type HttpServer, startHttpServer } from "../../src/rpc/http-server.js";
import { interceptors } from "../../src/rpc/interceptors.js";
import type { Mounted } from "../../src/rpc/mounted.js";
import { Readiness } from "../../src/rpc/readiness.js";
import { CALL } from "../../src/services/call.js";
import { refusalOf } from "./support.js";

/*
 * The documented list — request context, log, map errors, give up, validate — with a probe before each and one behind the last. What the probes see tells which interceptor stands where.
 */

/** What happened in a call, in order. */
let trace: string[] = [];
/** Correlation ids in the log. */
let logged: (string | undefined)[] = [];

const log = pino(
  { level: "debug", base: null, timestamp: false },
  {
    write(line: string) {
      const { msg, code, correlationId } = JSON.parse(line) as Record<string, string | undefined>;
      trace.push(`log: ${[msg, code].filter(Boolean).join(" ")}`);
      logged.push(correlationId);
    },
  },
);

function probe(name: string): Interceptor {
  return (next) => async (request) => {
    const { correlationId } = request.contextValues.get(CALL);
    trace.push(`${name}: in ${correlationId ? "with" : "without"} a correlation id`);
    try {
      const response = await next(request);
      trace.push(`${name}: out`);
      return response;
    } catch (error) {
      trace.push(`${name}: out with ${nameOf(error)}`);
      throw error;
    }
  };
}

function nameOf(error: unknown): string {
  return error instanceof ConnectError ? `ConnectError ${Code[error.code]}` : (error as Error).name;
}

const PROBES = [
  "before context",
  "before measure",
  "before map errors",
  "before give up",
  "before validate",
  "handler",
];

function probedInterceptors(): Interceptor[] {
  const documented = interceptors(log, { callDone: () => {} });
  expect(documented).toHaveLength(PROBES.length - 1);
  return PROBES.flatMap((name, index) => [probe(name), ...documented.slice(index, index + 1)]);
}

const ECONOMY: Mounted = {
  service: EconomyService,
  implementation: {
    getBalance({ accountId }: { accountId: string }) {
      if (accountId === "defect") throw new RangeError("a defect");
      return { balance: { accountId } };
    },
  } as never,
};

const ENTERED = [
  "before context: in without a correlation id",
  "before measure: in with a correlation id",
  "before map errors: in with a correlation id",
  "before give up: in with a correlation id",
  "before validate: in with a correlation id",
];

describe("the interceptors", () => {
  let grpc: GrpcServer;
  let http: HttpServer;
  beforeAll(async () => {
    const readiness = new Readiness({ ping: async () => {}, isMigrated: async () => true });
    const listen = "127.0.0.1:0";
    grpc = await startGrpcServer(listen, [ECONOMY], probedInterceptors());
    http = await startHttpServer({
      listen,
      services: [ECONOMY],
      interceptors: probedInterceptors(),
      readiness,
      routes: () => {},
      publicHosts: [],
    });
  });
  afterAll(() => Promise.all([grpc.stop(1_000), http.stop(1_000)]));
  beforeEach(() => {
    trace = [];
    logged = [];
  });

  const over = {
    "the gRPC port": () => createGrpcTransport({ baseUrl: `http://${grpc.address}` }),
    "the HTTP port": () => createConnectTransport({ baseUrl: http.url, httpVersion: "1.1" }),
  };

  describe.each(Object.entries(over))("of %s", (_, transport) => {
    const getBalance = (accountId: string) => createClient(EconomyService, transport()).getBalance({ accountId });

    it("are passed in the documented order, and left in the opposite one", async () => {
      await getBalance("alice");
      expect(trace).toEqual([
        ...ENTERED,
        "handler: in with a correlation id",
        "handler: out",
        "before validate: out",
        "before give up: out",
        "before map errors: out",
        "log: call OK",
        "before measure: out",
        "before context: out",
      ]);
    });

    it("validate innermost, then map the error, then log its code: the handler is not reached", async () => {
      await refusalOf(getBalance("no good"));
      expect(trace).toEqual([
        ...ENTERED,
        "before validate: out with TollgateError",
        "before give up: out with TollgateError",
        "before map errors: out with ConnectError InvalidArgument",
        "log: call InvalidArgument",
        "before measure: out with ConnectError InvalidArgument",
        "before context: out with ConnectError InvalidArgument",
      ]);
    });

    it("log a defect under the correlation id that the caller is told", async () => {
      const refusal = await refusalOf(getBalance("defect"));
      expect(refusal).toMatchObject({ code: "Internal", reason: "INTERNAL" });
      expect(Object.keys(refusal.metadata)).toEqual(["correlation_id"]);
      const told = refusal.metadata.correlation_id;
      expect(told).toMatch(/^[0-9a-f-]{36}$/);
      expect(refusal.message).toBe(`something went wrong; the log has it under ${told}`);
      expect(logged).toEqual([told, told]);
      expect(trace.slice(ENTERED.length)).toEqual([
        "handler: in with a correlation id",
        "handler: out with RangeError",
        "before validate: out with RangeError",
        "before give up: out with RangeError",
        "log: call failed",
        "before map errors: out with ConnectError Internal",
        "log: call Internal",
        "before measure: out with ConnectError Internal",
        "before context: out with ConnectError Internal",
      ]);
    });
  });
});
