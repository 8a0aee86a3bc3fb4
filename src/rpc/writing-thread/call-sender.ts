import type { MessagePort } from "node:worker_threads";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { CallRequest } from "../grpc-call.js";
import type { EncodedAnswer, UnaryRunner } from "../unary-runner.js";
import { readAnswer } from "./answers.js";
import { FramePort } from "./frame-port.js";
import type { Frame } from "./frames.js";
import type { SharedRoom } from "./shared-room.js";
import { CANCELLED, writesOf } from "./writes.js";

interface OpenCall {
  readonly resolve: (answer: EncodedAnswer) => void;
  readonly reject: (error: unknown) => void;
}

const NO_BYTES = new Uint8Array(0);
const MOST_IDS = 2 ** 32;

/** Has calls of methods that write carried out by the writing thread (docs/decisions/0033). */
export class CallSender {
  private readonly writes: readonly DescMethod[];
  private readonly open = new Map<number, OpenCall>();
  private readonly frames: FramePort;
  private sent = 0;

  /** @param port whose other end has a `CallCarrier` of the same services */
  constructor(
    port: MessagePort,
    services: readonly DescService[],
    private readonly room: SharedRoom,
  ) {
    this.writes = writesOf(services);
    this.frames = new FramePort(port, (frame) => this.receive(frame));
  }

  /** Whether the thread would take one more call now. */
  get takesMore(): boolean {
    return this.room.isLeft(this.sent);
  }

  /** Undefined for a method that doesn't go to the thread. */
  runnerOf(method: DescMethod): UnaryRunner | undefined {
    const index = this.writes.indexOf(method);
    return index < 0 ? undefined : (request, bytes) => this.send(index, request, bytes);
  }

  private send(kind: number, request: CallRequest, bytes: Uint8Array): Promise<EncodedAnswer> {
    const callId = this.sent++ % MOST_IDS;
    request.onceCancelled(() => {
      if (this.open.has(callId)) this.frames.send({ callId, kind: CANCELLED, bytes: NO_BYTES });
    });
    this.frames.send({ callId, kind, bytes });
    return new Promise((resolve, reject) => this.open.set(callId, { resolve, reject }));
  }

  private receive(frame: Frame): void {
    const call = this.open.get(frame.callId);
    this.open.delete(frame.callId);
    try {
      call?.resolve(readAnswer(frame));
    } catch (error) {
      call?.reject(error);
    }
  }
}
