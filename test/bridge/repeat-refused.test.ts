import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type App, startApp } from "../../src/app.js";
import { repeatRefused } from "../../src/bridge/repeat-refused.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { testConfig } from "../support/app.js";

let app: App;
beforeAll(async () => {
  const config = { ...testConfig("sqlite::memory:"), connectionMaxAge: 200_000n };
  app = await startApp(config, pino({ level: "silent" }));
});
afterAll(() => app.stop());

it("a client of Connect's loses no call to connections that are told to go", async () => {
  const baseUrl = `http://${app.grpcAddress}`;
  const economy = createClient(EconomyService, createGrpcTransport({ baseUrl, interceptors: [repeatRefused] }));
  const until = performance.now() + 1_500;
  const loops = Array.from({ length: 8 }, async (_, loop) => {
    for (let call = 0; performance.now() < until; call++) {
      const requestId = `${loop}-${call}`;
      await economy.credit({ requestId, accountId: `a-${loop}`, amountUsdMicros: 1n, source: 1 });
    }
  });
  await Promise.all(loops);
});

it("what is refused for another reason, and what is refused again and again, fails", async () => {
  let calls = 0;
  const failing = (error: unknown) =>
    repeatRefused(async () => {
      calls++;
      throw error;
    })({ stream: false } as never);
  await expect(failing(new ConnectError("no", Code.Unavailable))).rejects.toThrow("no");
  expect(calls).toBe(1);
  await expect(failing(new Error("Stream closed with error code NGHTTP2_REFUSED_STREAM"))).rejects.toThrow("REFUSED");
  expect(calls).toBe(4);
});
