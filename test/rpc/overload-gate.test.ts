import { create, type DescMethod } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BalanceSchema } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { type GrpcServer, startGrpcServer } from "../../src/rpc/grpc-server.js";
import { mounted } from "../../src/rpc/mounted.js";
import { writerGate } from "../../src/rpc/overload-gate.js";
import { refusalOf } from "./support.js";

describe("a service whose writer takes no more", () => {
  let server: GrpcServer;
  let takesMore = false;
  /** Whether those who are let in have to wait until `callIn`. */
  let isInCrowd = false;
  let waiting: (() => void)[] = [];
  const callIn = () => {
    for (const begin of waiting.splice(0)) begin();
  };
  let refused: DescMethod[] = [];
  let handled: string[] = [];
  beforeAll(async () => {
    const economy = mounted(EconomyService, {
      debit: () => {
        handled.push("debit");
        return {};
      },
      getBalance: () => ({ balance: create(BalanceSchema, {}) }),
    } as never);
    const queue = {
      get hasRoom() {
        return takesMore;
      },
      enter(begin: () => void) {
        if (!takesMore) return false;
        if (isInCrowd) waiting.push(begin);
        else begin();
        return true;
      },
    };
    const gate = writerGate(queue, (method) => refused.push(method));
    server = await startGrpcServer("127.0.0.1:0", [economy], [], { gate });
  });
  afterAll(() => server.stop(1_000));
  beforeEach(() => {
    takesMore = false;
    isInCrowd = false;
    waiting = [];
    refused = [];
    handled = [];
  });

  const client = () => createClient(EconomyService, createGrpcTransport({ baseUrl: `http://${server.address}` }));

  it("refuses what writes as OVERLOADED with a time to wait, without a look at it, and tells of it", async () => {
    const refusal = await refusalOf(client().debit({}));
    expect(refusal).toMatchObject({ reason: "OVERLOADED" });
    expect(refused).toEqual([EconomyService.method.debit]);
    expect(handled).toEqual([]);
  });

  it("answers what only reads", async () => {
    await expect(client().getBalance({ accountId: "alice" })).resolves.toMatchObject({ balance: {} });
    expect(refused).toEqual([]);
  });

  it("serves again as soon as the writer takes more", async () => {
    await refusalOf(client().debit({}));
    takesMore = true;
    await client().debit({});
    expect(handled).toEqual(["debit"]);
  });

  it("begins a call that was let in only when the writer calls it in, with all of its request", async () => {
    [takesMore, isInCrowd] = [true, true];
    const answer = client().debit({ accountId: "alice" });
    await expect.poll(() => waiting).toHaveLength(1);
    expect(handled).toEqual([]);
    callIn();
    await answer;
    expect(handled).toEqual(["debit"]);
  });

  it("doesn't begin a call whose caller has gone or whose deadline has passed while it waited", async () => {
    [takesMore, isInCrowd] = [true, true];
    const gone = new AbortController();
    const calls = [client().debit({}, { signal: gone.signal }), client().debit({}, { timeoutMs: 50 })];
    const outcomes = Promise.allSettled(calls);
    await expect.poll(() => waiting).toHaveLength(2);
    gone.abort();
    await outcomes;
    await client().getBalance({ accountId: "alice" });
    callIn();
    expect(handled).toEqual([]);
  });
});
