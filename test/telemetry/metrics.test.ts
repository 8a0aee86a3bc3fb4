import { afterAll, beforeAll, expect, it } from "vitest";
import { Metrics, type MetricsSnapshot, mergedText } from "../../src/telemetry/metrics.js";
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

it("counts what a thread counts as part of its process, and leaves nothing of the process out", async () => {
  const [own, ofThread] = [new Metrics(() => 3), new Metrics(() => 4, { isThread: true })];
  own.callDone("S/Read", "OK", 5);
  for (const metrics of [own, ofThread]) metrics.callDone("S/Write", "OK", 5);
  ofThread.batchDone({ commands: 2, elapsedMs: 5 });
  own.addThread(() => ofThread.snapshot());
  const text = await own.text();
  expect(text).toContain('tollgate_call_duration_seconds_count{method="S/Read",code="OK"} 1');
  expect(text).toContain('tollgate_call_duration_seconds_count{method="S/Write",code="OK"} 2');
  expect(text).toContain("tollgate_batch_commands_count 1");
  expect(text).toContain("tollgate_waiting_commands 7");
  expect(text.match(/^process_start_time_seconds \d+/gm)).toHaveLength(1);
});

it("keeps the label of its worker where it has a thread, and goes without one that doesn't answer", async () => {
  const own = new Metrics(() => 3, { worker: "2" });
  const ofThread = new Metrics(() => 4, { worker: "2", isThread: true });
  let answer: Promise<MetricsSnapshot | undefined> = ofThread.snapshot();
  own.addThread(() => answer);
  expect(await mergedText([await own.snapshot()])).toContain('tollgate_waiting_commands{worker="2"} 7');
  answer = Promise.resolve(undefined);
  expect(await own.text()).toContain('tollgate_waiting_commands{worker="2"} 3');
});
