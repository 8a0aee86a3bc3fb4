import { Agent, get, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { framed } from "../../src/bench/grpc-connection.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { DebitRequestSchema, EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { keepOpen, untilBlocked } from "../conformance/support.js";
import { GrpcConnections } from "../support/grpc-connections.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";
import { launchWorkers, type ServingWorkers, startWorkers } from "../support/workers.js";

const { credit, debit, getBalance } = EconomyService.method;
const ONE_MICRO = { accountId: "alice", amountUsdMicros: 1n };

describe("connections and workers end with nothing cut off", () => {
  let database: TestDatabase;
  let service: ServingWorkers;
  let clients: GrpcConnections;
  beforeAll(async () => {
    database = await makeDatabase("postgres");
    service = await startWorkers(database.url, "--workers", "2", "--connection-max-age", "1s");
    clients = new GrpcConnections(service.grpcAddress, 4);
    const deposit = { amountUsdMicros: 1_000n, source: CreditSource.DEPOSIT };
    await clients.call(0, credit, { requestId: "fund", accountId: "alice", ...deposit });
  });
  afterAll(async () => {
    clients?.close();
    await service?.process.kill();
    await database?.destroy();
  });

  /** Begins a debit that waits in the database until it is let go. */
  async function heldDebit(begin: (requestId: string) => Promise<unknown>, requestId: string) {
    const store = await database.open();
    const holder = await keepOpen(store, (transaction) => transaction.loadAccounts(["alice"]));
    const answered = begin(requestId);
    await vi.waitFor(() => untilBlocked(database), 10_000);
    return { answered, letGo: () => holder.commit() };
  }

  const debitOver = (connection: number) => (requestId: string) =>
    clients.call(connection, debit, { requestId, ...ONE_MICRO });

  it("a gRPC connection is told to go at its age, and its call in flight is answered", async () => {
    const session = connectHttp2(`http://${service.grpcAddress}`);
    const toldToGo = new Promise((resolve) => session.once("goaway", resolve));
    const closed = new Promise((resolve) => session.once("close", resolve));
    const { answered, letGo } = await heldDebit((requestId) => rawDebit(session, requestId), "aged");
    await toldToGo;
    await letGo();
    expect(await answered).toBe("0");
    await closed;
  });

  it("no call of a stock client fails while its connections come and go", async () => {
    const watched = connectHttp2(`http://${service.grpcAddress}`);
    let isOld = false;
    watched.once("goaway", () => {
      isOld = true;
    });
    let calls = 0;
    const loops = Array.from({ length: 8 }, async (_, loop) => {
      while (!isOld) {
        await clients.call(loop, getBalance, { accountId: "alice" });
        calls++;
      }
    });
    await Promise.all(loops);
    watched.destroy();
    expect(calls).toBeGreaterThan(8);
  });

  it("an HTTP connection ends with an answer that says so", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers: IncomingMessage[] = [];
    while (answers.at(-1)?.headers.connection !== "close") {
      answers.push(await getOver(agent, `${service.httpUrl}/healthz`));
    }
    const next = await getOver(agent, `${service.httpUrl}/healthz`);
    agent.destroy();
    expect(new Set([...answers, next].map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    expect(next.headers.connection).toBe("keep-alive");
  });

  it("a killed primary's workers answer the call they have accepted, and are gone", async () => {
    const { answered, letGo } = await heldDebit(debitOver(0), "orphan");
    service.process.child.kill("SIGKILL");
    await letGo();
    expect(await answered).toMatchObject({ transaction: { requestId: "orphan" } });
    // The streams close when the last worker is gone.
    expect(await service.process.exit).toBeNull();
    expect(service.process.said()).toContain("the primary is gone");
  });
});

describe("workers that can't be", () => {
  it("on SQLite are refused, in a line that says what to do", async () => {
    const tollgate = launchWorkers("sqlite::memory:", ["--workers", "2"]);
    expect(await tollgate.exit).toBe(2);
    expect(tollgate.said()).toContain(
      'TOLLGATE_WORKERS (--workers) got "2" and takes 1 on SQLite, which one process writes',
    );
  });

  it("that end again and again before they serve end the primary too, with what became of them", async () => {
    const database = await makeDatabase("postgres");
    const dying = 'import cluster from "node:cluster"; if (cluster.isWorker) process.exit(7);';
    const tollgate = launchWorkers(database.url, ["--workers", "2"], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(dying)}`,
    });
    expect(await tollgate.exit).toBe(1);
    expect(tollgate.said()).toMatch(/tollgate: the workers don't start: 5 in a row ended .*"code":7/);
    await database.destroy();
  });
});

/** Makes a Debit of one micro-dollar over bare HTTP/2. @returns its grpc-status */
function rawDebit(session: ClientHttp2Session, requestId: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const path = `/${EconomyService.typeName}/Debit`;
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    stream.once("trailers", (trailers) => resolve(String(trailers["grpc-status"])));
    stream.once("error", reject);
    stream.resume();
    stream.end(framed(toBinary(DebitRequestSchema, create(DebitRequestSchema, { requestId, ...ONE_MICRO }))));
  });
}

function getOver(agent: Agent, url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (answer) => answer.resume().once("end", () => resolve(answer))).once("error", reject);
  });
}
