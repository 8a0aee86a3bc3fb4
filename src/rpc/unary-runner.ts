import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, UnaryResponse } from "@connectrpc/connect";
import { encode, prepareToEncode } from "../wire/encode.js";
import { type AnyRequest, CallContext, type CallRequest, UnaryAnswer } from "./grpc-call.js";
import { PREFIX_BYTES } from "./request-body.js";
import { unreadableMessage } from "./unreadable.js";

/** gRPC's, of a message that isn't compressed, but for its length, which is known when it has been encoded. */
const PREFIX = "\0".repeat(PREFIX_BYTES);

export type UnaryHandler = (message: Message, context: HandlerContext) => Promise<object> | object;

/** Runs one call of a method, from the bytes of its message to those of its answer. Rejects with what is thrown on the way, by the decoder and the encoder too. */
export type UnaryRunner = (request: CallRequest, bytes: Uint8Array) => Promise<EncodedAnswer>;

export interface EncodedAnswer {
  /** The message behind gRPC's prefix. */
  readonly envelope: Buffer;
  /** What handlers have set, if any has. */
  readonly header: Headers | undefined;
  readonly trailer: Headers | undefined;
}

/** A unary method of a Connect ServiceImpl behind its interceptors, outermost first. */
export function unaryRunner(
  method: DescMethod,
  handler: UnaryHandler,
  interceptors: readonly Interceptor[],
): UnaryRunner {
  prepareToEncode(method.output);
  const run = compose(interceptors, async (request) => {
    const context = new CallContext(request);
    const message = await handler(request.message as Message, context);
    return new UnaryAnswer(context, message as Message);
  });
  return async (request, bytes) => {
    request.message = decode(method, bytes);
    const { message, set } = (await run(request as never)) as UnaryAnswer;
    const envelope = encode(method.output, message, PREFIX);
    envelope.writeUInt32BE(envelope.length - PREFIX_BYTES, 1);
    return { envelope, header: set.header, trailer: set.trailer };
  };
}

type AnyNext = (request: AnyRequest) => Promise<UnaryResponse | { message: unknown }>;

export function compose(interceptors: readonly Interceptor[], handler: AnyNext): AnyNext {
  return interceptors.reduceRight<AnyNext>((next, interceptor) => interceptor(next as never) as AnyNext, handler);
}

/** @throws ConnectError INVALID_ARGUMENT: bytes that are no message are the caller's fault, and no INTERNAL of ours */
export function decode(method: DescMethod, bytes: Uint8Array): Message {
  try {
    return fromBinary(method.input, bytes);
  } catch {
    throw unreadableMessage(method.input);
  }
}
