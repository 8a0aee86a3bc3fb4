import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, UnaryResponse } from "@connectrpc/connect";
import { encode, prepareToEncode } from "../wire/encode.js";
import { type AnyRequest, CallContext, type CallRequest, UnaryAnswer } from "./grpc-call.js";
import { unreadableMessage } from "./unreadable.js";

export type UnaryHandler = (message: Message, context: HandlerContext) => Promise<object> | object;

/** Runs one call of a method, from the bytes of its message to those of its answer. Rejects with what is thrown on the way, by the decoder and the encoder too. */
export type UnaryRunner = (request: CallRequest, bytes: Uint8Array) => Promise<EncodedAnswer>;

export interface EncodedAnswer {
  readonly bytes: Buffer;
  /** What handlers have set, if any has. */
  readonly header?: Headers;
  readonly trailer?: Headers;
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
    return { bytes: encode(method.output, message), ...set };
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
