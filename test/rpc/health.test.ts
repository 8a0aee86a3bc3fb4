import { type Client, Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App, startApp } from "../../src/app.js";
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "../../src/gen/health/v1/health_pb.js";
import { startHttpServer } from "../../src/rpc/http-server.js";
import { Readiness } from "../../src/rpc/readiness.js";
import { startTestApp, type TestApp, testConfig } from "../support/app.js";
import { BreakableLink } from "../support/breakable-link.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";
import { httpRefusal, post, refusalOf, SERVICES, StockClients } from "./support.js";

function healthClient(app: App): Client<typeof Health> {
  return createClient(Health, createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }));
}

async function get(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

describe("health of a service that runs", () => {
  let test: TestApp;
  let health: Client<typeof Health>;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
    health = healthClient(test.app);
  });
  afterAll(() => test.stop());

  it.each(["", ...SERVICES.map((service) => service.typeName)])('Check says SERVING of "%s"', async (service) => {
    expect((await health.check({ service })).status).toBe(Status.SERVING);
  });

  it("Check says NOT_FOUND of a service that there is not", async () => {
    expect((await refusalOf(health.check({ service: "stationthis.economy.v1" }))).code).toBe("NotFound");
  });

  it("List has the server and each service", async () => {
    const { statuses } = await health.list({});
    expect(Object.keys(statuses).sort()).toEqual(["", ...SERVICES.map((service) => service.typeName)]);
    for (const { status } of Object.values(statuses)) expect(status).toBe(Status.SERVING);
  });

  it("Watch says SERVICE_UNKNOWN of a service that there is not, until the watcher leaves", async () => {
    const leaving = new AbortController();
    const seen: Status[] = [];
    const watching = async () => {
      for await (const { status } of health.watch({ service: "nope" }, { signal: leaving.signal })) {
        seen.push(status);
        leaving.abort();
      }
    };
    expect((await refusalOf(watching())).code).toBe("Canceled");
    expect(seen).toEqual([Status.SERVICE_UNKNOWN]);
  });

  it("/healthz and /readyz say yes", async () => {
    expect(await get(`${test.app.httpUrl}/healthz`)).toEqual({ status: 200, body: { status: "ok" } });
    expect(await get(`${test.app.httpUrl}/readyz`)).toEqual({ status: 200, body: { status: "ready" } });
  });
});

describe("health of a service that is not ready", () => {
  it("Watch says NOT_SERVING at the shutdown, ends, and does not hold it up", async () => {
    const test = await startTestApp("sqlite");
    const watcher = healthClient(test.app).watch({ service: "" })[Symbol.asyncIterator]();
    const next = async () => ((await watcher.next()).value as HealthCheckResponse | undefined)?.status;
    expect(await next()).toBe(Status.SERVING);
    const stopped = test.stop();
    expect(await next()).toBe(Status.NOT_SERVING);
    // A watcher that was cut off instead would be told so by an error.
    expect(await next()).toBeUndefined();
    await stopped;
  });

  it("/readyz says no, and /healthz yes, while it shuts down", async () => {
    const readiness = new Readiness({ ping: async () => {}, isMigrated: async () => true });
    const server = await startHttpServer({
      listen: "127.0.0.1:0",
      services: [],
      interceptors: [],
      readiness,
      routes: () => {},
      publicHosts: [],
    });
    try {
      expect((await get(`${server.url}/readyz`)).status).toBe(200);
      readiness.drain();
      expect(await get(`${server.url}/readyz`)).toEqual({
        status: 503,
        body: { status: "not ready", problem: "shutting down" },
      });
      expect((await get(`${server.url}/healthz`)).status).toBe(200);
    } finally {
      await server.stop(1_000);
    }
  });

  it("/readyz and Check say no while the schema is older than the build", async () => {
    const test = await startTestApp("sqlite");
    try {
      await test.database.tamper("delete from schema_versions");
      expect(await get(`${test.app.httpUrl}/readyz`)).toEqual({
        status: 503,
        body: { status: "not ready", problem: "the schema is not current" },
      });
      expect((await healthClient(test.app).check({})).status).toBe(Status.NOT_SERVING);
    } finally {
      await test.stop();
    }
  });
});

describe("health of a service whose store has gone", () => {
  let database: TestDatabase;
  let link: BreakableLink;
  let app: App;
  let clients: StockClients;
  beforeAll(async () => {
    database = await makeDatabase("postgres");
    link = await BreakableLink.to(database.url);
    app = await startApp(testConfig(link.url), pino({ level: "silent" }));
    clients = new StockClients(app.grpcAddress);
    await link.break();
  });
  afterAll(async () => {
    clients.close();
    await app.stop();
    await link.break();
    await database.destroy();
  });

  it("/readyz and Check say no, /healthz yes", async () => {
    expect(await get(`${app.httpUrl}/readyz`)).toEqual({
      status: 503,
      body: { status: "not ready", problem: "the store can't be reached" },
    });
    expect((await healthClient(app).check({})).status).toBe(Status.NOT_SERVING);
    expect((await get(`${app.httpUrl}/healthz`)).status).toBe(200);
  });

  it.each([
    ["GetBalance", { account_id: "alice" }],
    ["Credit", { request_id: "1", account_id: "alice", amount_usd_micros: "1", source: "CREDIT_SOURCE_DEPOSIT" }],
  ])(
    "%s answers STORE_UNAVAILABLE and when to try again, on both ports, and nothing of the cause",
    async (name, request) => {
      const overGrpc = await refusalOf(clients.call(name, request));
      expect(overGrpc).toEqual({
        code: Code[Code.Unavailable],
        message: "the store can't be reached; try again with the same request_id",
        reason: "STORE_UNAVAILABLE",
        domain: "stationthis.economy",
        metadata: {},
        violations: [],
        retryDelayMs: 1_000,
      });
      const overHttp = await post(app.httpUrl, name, JSON.stringify(request));
      expect(overHttp.status).toBe(503);
      expect(httpRefusal(overHttp)).toEqual(overGrpc);
    },
  );

  it("is ready again, and answers, once the store is back", async () => {
    await link.mend();
    expect((await get(`${app.httpUrl}/readyz`)).status).toBe(200);
    expect((await healthClient(app).check({})).status).toBe(Status.SERVING);
    const { response } = await clients.call("BatchGetBalances", { account_ids: ["alice"] });
    expect(response).toMatchObject({ missing_account_ids: ["alice"] });
  });
});
