import { MessageChannel, type MessagePort } from "node:worker_threads";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TollgateError } from "../../../src/domain/errors.js";
import { DebitResponseSchema, EconomyService } from "../../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { type GrpcServer, startGrpcServer } from "../../../src/rpc/grpc-server.js";
import { mounted } from "../../../src/rpc/mounted.js";
import { CallCarrier } from "../../../src/rpc/writing-thread/call-carrier.js";
import { CallSender } from "../../../src/rpc/writing-thread/call-sender.js";
import { SharedRoom } from "../../../src/rpc/writing-thread/shared-room.js";
import { refusalOf } from "../support.js";

/** Both ends are in this thread; what passes between them is what passes between two. */
describe("a call of a method that writes", () => {
  let server: GrpcServer;
  let sender: CallSender;
  let carrier: CallCarrier;
  let ports: { readonly port1: MessagePort; readonly port2: MessagePort };
  let room = 1_000;
  let seen: string[] = [];
  let serve: (context: Context) => Promise<void> | void = () => {};

  beforeEach(async () => {
    seen = [];
    room = 1_000;
    serve = () => {};
    const economyOf = (where: string) =>
      mounted(EconomyService, {
        async debit({ requestId }: { requestId: string }, context: Context) {
          seen.push(`${where} debit ${requestId}`);
          await serve(context);
          return { balance: { accountId: `of ${requestId}` } };
        },
        getBalance({ accountId }: { accountId: string }) {
          seen.push(`${where} balance ${accountId}`);
          return {};
        },
      } as never);
    ports = new MessageChannel();
    const shared = new SharedRoom();
    const options = { port: ports.port2, services: [economyOf("there")], interceptors: [], shared, room: () => room };
    carrier = new CallCarrier(options);
    sender = new CallSender(ports.port1, [EconomyService], shared);
    server = await startGrpcServer("127.0.0.1:0", [economyOf("here")], [], {
      runnerOf: (method) => sender.runnerOf(method),
    });
  });
  afterEach(async () => {
    await server.stop(1_000);
    carrier.close();
  });

  const client = (options = {}) =>
    createClient(EconomyService, createGrpcTransport({ baseUrl: `http://${server.address}`, ...options }));

  it("is carried out there, and answered with what was said there", async () => {
    serve = (context) => {
      context.responseHeader.set("idempotent-replayed", "true");
      context.responseTrailer.set("x-last", "2");
    };
    let [header, trailer] = [new Headers(), new Headers()];
    const answer = await client().debit(
      { requestId: "a" },
      {
        onHeader: (received) => {
          header = received;
        },
        onTrailer: (received) => {
          trailer = received;
        },
      },
    );
    expect(seen).toEqual(["there debit a"]);
    expect(answer.balance?.accountId).toBe("of a");
    expect(header.get("idempotent-replayed")).toBe("true");
    expect(trailer.get("x-last")).toBe("2");
  });

  it("is refused with the code, the words and the details it was refused with there", async () => {
    serve = () => {
      throw TollgateError.of("ACCOUNT_NOT_FOUND", { account_id: "straße" });
    };
    const error = await client()
      .debit({ requestId: "a" })
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: expect.stringContaining("straße") });
    await expect(refusalOf(client().debit({ requestId: "a" }))).resolves.toMatchObject({
      reason: "ACCOUNT_NOT_FOUND",
    });
  });

  it("whose message can't be read is refused as the caller's fault, and no handler hears of it", async () => {
    const run = sender.runnerOf(EconomyService.method.debit);
    const request = { onceCancelled: () => {} } as never;
    await expect(run?.(request, Buffer.from([0xff]))).rejects.toMatchObject({
      refusal: { "grpc-status": String(Code.InvalidArgument) },
    });
    expect(seen).toEqual([]);
  });

  it("leaves with all others of the same turn in one message, and each gets its own answer", async () => {
    let messages = 0;
    ports.port2.on("message", () => messages++);
    const run = sender.runnerOf(EconomyService.method.debit);
    const request = { onceCancelled: () => {} } as never;
    const answers = await Promise.all(
      ["a", "b", "c"].map((id) => run?.(request, Buffer.from([0x0a, 1, id.charCodeAt(0)]))),
    );
    expect(seen).toEqual(["there debit a", "there debit b", "there debit c"]);
    expect(messages).toBe(1);
    const accounts = answers.map(
      (answer) => fromBinary(DebitResponseSchema, answer?.bytes as Buffer).balance?.accountId,
    );
    expect(accounts).toEqual(["of a", "of b", "of c"]);
  });

  it("whose deadline passes is answered, and told to what serves it there", async () => {
    let reason: unknown;
    serve = async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reason = signal.reason;
    };
    const late = client().debit({ requestId: "a" }, { timeoutMs: 200 });
    await expect(late).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await vi.waitFor(() => expect(reason).toMatchObject({ code: Code.Canceled }));
  });

  it("that is answered is not told of when its stream closes", async () => {
    let isAborted = false;
    serve = ({ signal }) => {
      signal.addEventListener("abort", () => {
        isAborted = true;
      });
    };
    await client().debit({ requestId: "a" });
    await client().debit({ requestId: "b" });
    expect(isAborted).toBe(false);
  });

  it("finds no room once as many as there was room for are on their way, and room again when there is", async () => {
    room = 2;
    await client().debit({ requestId: "a" });
    expect(sender.takesMore).toBe(true);
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = () => gate;
    room = 0;
    const calls = [client().debit({ requestId: "b" }), client().debit({ requestId: "c" })];
    await vi.waitFor(() => expect(sender.takesMore).toBe(false));
    room = 1;
    finish();
    await Promise.all(calls);
    await vi.waitFor(() => expect(sender.takesMore).toBe(true));
  });

  it("that is compressed, and so not plain, is carried out where it came in", async () => {
    await client({ sendCompression: compressionGzip, compressMinBytes: 0 }).debit({ requestId: "a" });
    expect(seen).toEqual(["here debit a"]);
  });

  it("isn't one that reads: that is answered where it came in", async () => {
    await client().getBalance({ accountId: "alice" });
    expect(seen).toEqual(["here balance alice"]);
  });
});

interface Context {
  readonly signal: AbortSignal;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}
