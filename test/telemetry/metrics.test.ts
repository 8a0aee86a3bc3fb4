import { afterAll, beforeAll, expect, it } from "vitest";
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
