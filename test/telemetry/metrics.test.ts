import { afterAll, beforeAll, expect, it } from "vitest";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { startTestApp, type TestApp } from "../support/app.js";

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp("sqlite");
});
afterAll(() => test.stop());

it("counts calls by method and code, and the batches they were committed in", async () => {
  await test.economy.credit({ requestId: "c", accountId: "alice", amountUsdMicros: 5n, source: 1 });
  await expect(test.economy.getBalance({ accountId: "nobody" })).rejects.toThrow();
  const answer = await fetch(`${test.app.httpUrl}/metrics`);
  const text = await answer.text();
  expect(answer.headers.get("content-type")).toContain("text/plain");
  const calls = 'tollgate_call_duration_seconds_count{method="stationthis.economy.v1.EconomyService';
  expect(text).toContain(`${calls}/Credit",code="OK"} 1`);
  expect(text).toContain(`${calls}/GetBalance",code="NotFound"} 1`);
  expect(text).toContain("tollgate_batch_commands_count 1");
  expect(text).toContain("tollgate_waiting_commands 0");
});

it("counts calls refused as OVERLOADED by method, however often it is asked", async () => {
  const metrics = new Metrics(() => 0);
  const { debit, credit } = EconomyService.method;
  for (const method of [debit, credit, debit]) metrics.callOverloaded(method);
  const refused = 'tollgate_overloaded_calls_total{method="stationthis.economy.v1.EconomyService';
  expect(await metrics.text()).toContain(`${refused}/Debit"} 2`);
  metrics.callOverloaded(debit);
  const text = await metrics.text();
  expect(text).toContain(`${refused}/Debit"} 3`);
  expect(text).toContain(`${refused}/Credit"} 1`);
});
