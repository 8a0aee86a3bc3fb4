import type { MessagePort } from "node:worker_threads";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { CallRequest, type ServerCall } from "../grpc-call.js";
import { descriptorsOf, type Mounted } from "../mounted.js";
import { type UnaryHandler, type UnaryRunner, unaryRunner } from "../unary-runner.js";
import { answerFrame, refusalFrame } from "./answers.js";
import { FramePort } from "./frame-port.js";
import type { Frame } from "./frames.js";
import type { SharedRoom } from "./shared-room.js";
import { CANCELLED, writesOf } from "./writes.js";

export interface CarrierOptions {
  /** Whose other end has a `CallSender` of the same services. */
  readonly port: MessagePort;
  readonly services: readonly Mounted[];
  readonly interceptors: readonly Interceptor[];
  /** Told of how many more calls there is room for. */
  readonly shared: SharedRoom;
  /** How many more would be taken now. */
  readonly room: () => number;
}

/** Carries out the calls that a `CallSender` sends. */
export class CallCarrier {
  private readonly methods: readonly { readonly method: DescMethod; readonly run: UnaryRunner }[];
  private readonly open = new Map<number, CarriedCall>();
  private readonly frames: FramePort;
  private received = 0;

  constructor({ port, services, interceptors, shared, room }: CarrierOptions) {
    const handlers = new Map(services.map(({ service, implementation }) => [service, implementation]));
    this.methods = writesOf(descriptorsOf(services)).map((method) => {
      const implementation = handlers.get(method.parent) as Record<string, unknown>;
      return { method, run: unaryRunner(method, implementation[method.localName] as UnaryHandler, interceptors) };
    });
    const tellRoom = (): void => shared.set(this.received, room());
    this.frames = new FramePort(port, (frame) => this.receive(frame), tellRoom);
    tellRoom();
  }

  /** Takes no more calls, and answers none of those that are open. The sender's end closes with it. */
  close(): void {
    this.frames.close();
  }

  private receive({ callId, kind, bytes }: Frame): void {
    if (kind === CANCELLED) this.open.get(callId)?.cancel();
    else void this.carryOut(callId, kind, bytes);
  }

  private async carryOut(callId: number, index: number, bytes: Uint8Array): Promise<void> {
    this.received++;
    const { method, run } = this.methods[index] as (typeof this.methods)[number];
    const call = new CarriedCall();
    this.open.set(callId, call);
    const answer = await run(new CallRequest(method, call), bytes).then(answerFrame, refusalFrame);
    this.open.delete(callId);
    this.frames.send({ callId, ...answer });
  }
}

const NO_HEADERS = { authority: "", fields: new Map<string, string>() };

/** As much of a call as its handler sees. No handler reads its caller's headers, so they stay where they came in. */
class CarriedCall implements ServerCall {
  readonly headers = NO_HEADERS;
  cancelled = false;
  private readonly onCancelled: (() => void)[] = [];

  onceCancelled(listener: () => void): void {
    this.onCancelled.push(listener);
  }

  cancel(): void {
    this.cancelled = true;
    for (const listener of this.onCancelled) listener();
  }
}
