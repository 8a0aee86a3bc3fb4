import { connect as connectTcp, type Socket } from "node:net";
import { levels } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationState, Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { keepOpen, untilBlocked } from "../conformance/support.js";
import { codeOf, GrpcConnections } from "../support/grpc-connections.js";
import { sendWebhook } from "../support/http.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";
import { type ServingWorkers, startWorkers } from "../support/workers.js";

/*
 * Two worker processes on a real Postgres. The tests go on with what the one before has left: the last one stops the service.
 */

const CONNECTIONS = 8;
const { credit, debit, getBalance, listTransactions } = EconomyService.method;
const { upsertTool, createGeneration, completeGeneration } = GenerationService.method;
const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

let database: TestDatabase;
let service: ServingWorkers;
let clients: GrpcConnections;

beforeAll(async () => {
  database = await makeDatabase("postgres");
  service = await startWorkers(database.url, "--workers", "2");
  clients = new GrpcConnections(service.grpcAddress, CONNECTIONS);
});
afterAll(async () => {
  clients?.close();
  await service?.process.kill();
  await database?.destroy();
});

const fund = (accountId: string, amountUsdMicros: bigint) =>
  clients.call(0, credit, {
    requestId: `fund-${accountId}`,
    accountId,
    amountUsdMicros,
    source: CreditSource.DEPOSIT,
  });

async function balanceOf(accountId: string): Promise<{ balanceUsdMicros: bigint; version: bigint } | undefined> {
  const { balance } = await clients.untilAnswered(0, getBalance, { accountId });
  return balance && { balanceUsdMicros: balance.balanceUsdMicros, version: balance.version };
}

async function expectCleanAudit(): Promise<void> {
  const report = await auditLedger(await database.open());
  expect(report.violations).toEqual([]);
}

/** Names of the workers that serve now. */
async function workersThatServe(): Promise<string[]> {
  const text = await service.metrics();
  return [...text.matchAll(/^tollgate_waiting_commands\{worker="(\d+)"\}/gm)].map(([, worker = ""]) => worker).sort();
}

/** Debits an account of 10,000 micros 320 times of 3, with four calls in flight on each connection at any time. @param midway done after a hundred of them */
async function debitAllTheWhile(accountId: string, over: GrpcConnections, midway: () => void): Promise<void> {
  await fund(accountId, 10_000n);
  let answered = 0;
  const loops = times(4 * CONNECTIONS, async (loop) => {
    for (let round = 0; round < 10; round++) {
      const requestId = `${accountId}-${loop}-${round}`;
      await over.untilAnswered(loop, debit, { requestId, accountId, amountUsdMicros: 3n });
      if (++answered === 100) midway();
    }
  });
  await Promise.all(loops);
  expect(await balanceOf(accountId)).toEqual({ balanceUsdMicros: 10_000n - 960n, version: 321n });
}

/** Expects what the primary logs: its level, and how the worker ended. */
async function expectReplaced(pid: number, level: "info" | "error", how: string): Promise<void> {
  const line = `"level":${levels.values[level]},.*"pid":${pid},.*${how}.*another takes its place`;
  await service.process.says(new RegExp(line));
  await vi.waitFor(async () => expect(await workersThatServe()).toEqual(["1", "2"]), 20_000);
}

/** An HTTP/2 server speaks first, so a connection that somebody serves gets data. */
function whatBecomesOf(socket: Socket): { readonly socket: Socket; end: "served" | "closed" | undefined } {
  const outcome: ReturnType<typeof whatBecomesOf> = { socket, end: undefined };
  socket.once("data", () => {
    outcome.end = "served";
  });
  socket.once("close", () => {
    outcome.end ??= "closed";
  });
  socket.on("error", () => {});
  return outcome;
}

/** As systemd does: every process gets the signal, and the workers get another from the primary. */
function tellAllToStop(): void {
  service.process.child.kill("SIGTERM");
  for (const pid of service.startedPids()) {
    try {
      process.kill(pid, "SIGTERM");
    } catch {
      // It was killed by a test before.
    }
  }
}

describe("two workers behind one pair of ports", () => {
  it("share the connections, and either of them answers /metrics for both", async () => {
    await fund("alice", 1_000_000n);
    await Promise.all(times(CONNECTIONS, (index) => clients.call(index, getBalance, { accountId: "alice" })));
    const seen = await Promise.all(times(4, () => service.workersThatServed("GetBalance")));
    expect(seen).toEqual(times(4, () => ["1", "2"]));
    const text = await service.metrics();
    expect(text.match(/^process_resident_memory_bytes\{worker="\d"\} \d+$/gm)).toHaveLength(2);
    expect(text.match(/^# TYPE tollgate_call_duration_seconds /gm)).toHaveLength(1);
  });

  it("debit an account once for each request that both get at the same time", async () => {
    const requests = times(200, (index) => ({
      requestId: `debit-${index}`,
      accountId: `user-${index % 5}`,
      amountUsdMicros: 7n,
    }));
    await Promise.all(times(5, (index) => fund(`user-${index}`, 1_000n)));
    // The copy of a call goes to another connection at about the same time.
    const answers = await Promise.all(
      requests.flatMap((request, index) => [
        clients.call(index, debit, request),
        clients.call(index + 1, debit, request),
      ]),
    );
    expect(new Set(answers.map(({ transaction }) => transaction?.transactionId)).size).toBe(200);
    for (let index = 0; index < 5; index++) {
      expect(await balanceOf(`user-${index}`)).toEqual({ balanceUsdMicros: 720n, version: 41n });
    }
  });

  it("settle a generation once that is completed on both at the same time", async () => {
    await clients.call(0, upsertTool, {
      tool: { toolId: "flux", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } },
    });
    await Promise.all(times(5, (index) => fund(`payer-${index}`, 105_000n)));
    const attribution = { loras: [{ loraId: "lora", ownerAccountId: "star" }] };
    const created = await Promise.all(
      times(50, (index) =>
        clients.call(index, createGeneration, {
          ...{ requestId: `gen-${index}`, accountId: `payer-${index % 5}`, toolId: "flux", attribution },
        }),
      ),
    );
    const answers = await Promise.all(
      created.flatMap(({ generation }, index) =>
        [index, index + 1].map((connection) =>
          clients.call(connection, completeGeneration, {
            generationId: generation?.generationId ?? "",
            outcome: Outcome.SUCCEEDED,
          }),
        ),
      ),
    );
    expect(answers.every(({ generation }) => generation?.state === GenerationState.COMPLETED)).toBe(true);
    expect(answers.filter(({ alreadyFinal }) => !alreadyFinal)).toHaveLength(50);
    expect(await balanceOf("star")).toEqual({ balanceUsdMicros: 25_000n, version: 50n });
    for (let index = 0; index < 5; index++) {
      expect(await balanceOf(`payer-${index}`)).toEqual({ balanceUsdMicros: 0n, version: 11n });
    }
    await expectCleanAudit();
  });

  it("take each other's page tokens and webhook URLs", async () => {
    const list = (connection: number, pageToken: string) =>
      clients.call(connection, listTransactions, { accountId: "star", pageSize: 10, pageToken });
    const first = await list(0, "");
    const seconds = await Promise.all(times(CONNECTIONS, (index) => list(index, first.nextPageToken)));
    expect(new Set(seconds.map((page) => page.transactions[0]?.transactionId)).size).toBe(1);

    await fund("hooked", 10_000n);
    const request = { requestId: "hooked", accountId: "hooked", toolId: "flux" };
    const { webhookUrl } = await clients.call(0, createGeneration, request);
    expect(webhookUrl).toContain(service.httpUrl);
    const results = [];
    for (let copies = 0; copies < 4; copies++) {
      results.push((await sendWebhook(webhookUrl, { run_id: "run-hooked", status: "success" })).body);
    }
    const repeated = times(3, () => '{"result":"duplicate"}');
    expect(results).toEqual(['{"result":"completed"}', ...repeated]);
  });

  it("do what was asked once if one of them is killed in the middle, and it is replaced", async () => {
    const [victim = 0] = service.startedPids();
    await debitAllTheWhile("crash", clients, () => process.kill(victim, "SIGKILL"));
    expect([...clients.repeatedCodes]).toEqual(["UNAVAILABLE"]);
    await expectReplaced(victim, "error", '"signal":"SIGKILL"');
    expect(service.startedPids()).toHaveLength(3);
    await expectCleanAudit();
  });

  it("lose no connection that one of them was handed and never took", async () => {
    const victim = service.startedPids().at(-1) ?? 0;
    process.kill(victim, "SIGSTOP");
    const [host = "", port = ""] = service.grpcAddress.split(":");
    const ends = times(4, () => whatBecomesOf(connectTcp(Number(port), host)));
    // It was given one and has not said that it took it, so the other worker got the rest.
    await vi.waitFor(() => expect(ends.filter(({ end }) => end === "served")).toHaveLength(3), 20_000);
    process.kill(victim, "SIGKILL");
    await vi.waitFor(
      () => expect(ends.map(({ end }) => end).sort()).toEqual(["closed", "served", "served", "served"]),
      20_000,
    );
    await vi.waitFor(async () => expect(await workersThatServe()).toEqual(["1", "2"]), 20_000);
    for (const { socket } of ends) socket.destroy();
  });

  it("answer every call that one of them has accepted when it alone is told to stop, and it is replaced", async () => {
    await fund("held", 10_000n);
    const spread = new GrpcConnections(service.grpcAddress, CONNECTIONS);
    const victim = service.startedPids().at(-1) ?? 0;
    const holder = await keepOpen(await database.open(), (transaction) => transaction.loadAccounts(["held"]));
    const held = Promise.allSettled(
      times(CONNECTIONS, (index) =>
        spread.call(index, debit, { requestId: `held-${index}`, accountId: "held", amountUsdMicros: 1n }),
      ),
    );
    try {
      // Either worker is at some of them.
      await vi.waitFor(() => untilBlocked(database, 2), 10_000);
      process.kill(victim, "SIGTERM");
      await service.process.says(/"signal":"SIGTERM","msg":"stopping"/);
      // Nobody has to wait for the one that stops: its connections are told to go, and the other takes them.
      await Promise.all(times(CONNECTIONS, (index) => spread.call(index, getBalance, { accountId: "held" })));
    } finally {
      await holder.commit();
    }
    expect((await held).map(({ status }) => status)).toEqual(times(CONNECTIONS, () => "fulfilled"));
    spread.close();
    await expectReplaced(victim, "info", '"code":0');
    expect(await balanceOf("held")).toEqual({ balanceUsdMicros: 10_000n - 8n, version: 9n });
    await expectCleanAudit();
  });

  it("fail no call of a stock client, and do each once, while one of them is told to stop and replaced", async () => {
    const spread = new GrpcConnections(service.grpcAddress, CONNECTIONS);
    const victim = service.startedPids().at(-1) ?? 0;
    await debitAllTheWhile("rolled", spread, () => process.kill(victim, "SIGTERM"));
    spread.close();
    expect([...spread.repeatedCodes]).toEqual([]);
    await expectReplaced(victim, "info", '"code":0');
    await expectCleanAudit();
  });

  it("answer every call that they have accepted when they are told to stop, and leave no process behind", async () => {
    await fund("stop", 10_000n);
    const [before] = [await balanceOf("stop")];
    let answered = 0;
    const outcomes = await Promise.all(
      times(300, async (index) => {
        try {
          const request = { requestId: `stop-${index}`, accountId: "stop", amountUsdMicros: 1n };
          await clients.call(index, debit, request);
          if (++answered === 20) tellAllToStop();
          return "OK";
        } catch (error) {
          return codeOf(error);
        }
      }),
    );
    // Its streams close when the last process that writes to them is gone.
    expect(await service.process.exit, service.process.said()).toBe(0);
    const done = outcomes.filter((outcome) => outcome === "OK").length;
    expect(new Set(outcomes.filter((outcome) => outcome !== "OK"))).toEqual(new Set(done < 300 ? ["UNAVAILABLE"] : []));
    const [account] = await database.tamper("select version from accounts where account_id = 'stop'");
    expect(Number((account as { version: bigint }).version)).toBe(Number(before?.version) + done);
    await expectCleanAudit();
  });
});
