import type { DescMessage } from "@bufbuild/protobuf";
import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";

/** A call that takes longer has hung. */
const CALL_DEADLINE_MS = 20_000;
const MOST_REPEATS = 200;
const PAUSE_MS = 25;

/** Several connections of stock grpc-js clients to one address; grpc-js would make one of them all. */
export class GrpcConnections {
  /** Codes of calls that `untilAnswered` sent again. */
  readonly repeatedCodes = new Set<string>();
  private readonly clients: readonly Client[];

  constructor(address: string, count: number) {
    this.clients = Array.from(
      { length: count },
      () =>
        new Client(address, credentials.createInsecure(), {
          "grpc.use_local_subchannel_pool": 1,
          "grpc.initial_reconnect_backoff_ms": PAUSE_MS,
          "grpc.max_reconnect_backoff_ms": 4 * PAUSE_MS,
        }),
    );
  }

  /** Calls take turns by their index. */
  call<Input extends DescMessage, Output extends DescMessage>(
    index: number,
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>> {
    const client = this.clients[index % this.clients.length] as Client;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (message: MessageShape<Input>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        create(method.input, request),
        { deadline: Date.now() + CALL_DEADLINE_MS },
        (error, answer) => (error || !answer ? reject(error) : resolve(answer)),
      );
    });
  }

  /** Sends the same call again for as long as it is answered with UNAVAILABLE, as callers are told to; at most 200 times. */
  async untilAnswered<Input extends DescMessage, Output extends DescMessage>(
    index: number,
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>> {
    for (let repeats = 0; ; repeats++) {
      try {
        return await this.call(index, method, request);
      } catch (error) {
        const code = codeOf(error);
        if (code !== "UNAVAILABLE" || repeats === MOST_REPEATS) throw error;
        this.repeatedCodes.add(code);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** The name of the code that a call failed with. */
export function codeOf(error: unknown): string {
  return status[(error as ServiceError).code] ?? String(error);
}
