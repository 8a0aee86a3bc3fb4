import { once } from "node:events";
import type { Readable } from "node:stream";
import { type DescMethod, type DescService, fromBinary, type Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, ServiceImpl, UnaryResponse } from "@connectrpc/connect";
import {
  Metadata,
  type MethodDefinition,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { encode, prepareToEncode } from "../wire/encode.js";
import { type AnyRequest, CallContext, CallRequest, pathOf, UnaryAnswer } from "./grpc-call.js";
import { toStatus } from "./grpc-status.js";
import { unreadableMessage } from "./unreadable.js";

/*
 * Mounts a Connect ServiceImpl on grpc-js, through the same interceptors that the Connect server runs. grpc-js hands us bytes and we decode them, so that an unreadable
 * message is the caller's INVALID_ARGUMENT and not an INTERNAL of its own.
 */

type Bytes = Buffer;
type UnaryHandler = (message: Message, context: HandlerContext) => Promise<object> | object;
type StreamHandler = (message: unknown, context: HandlerContext) => AsyncIterable<object>;

/** Adds every method of a service to a grpc-js server. */
export function mountService<Service extends DescService>(
  server: Server,
  service: Service,
  implementation: ServiceImpl<Service>,
  interceptors: readonly Interceptor[],
): void {
  const definition: Record<string, MethodDefinition<Bytes, Bytes>> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    prepareToEncode(method.output);
    definition[method.localName] = definitionOf(method);
    const handler = (implementation as Record<string, unknown>)[method.localName];
    handlers[method.localName] =
      method.methodKind === "unary"
        ? unaryCall(method, handler as UnaryHandler, interceptors)
        : streamCall(method, handler as StreamHandler, interceptors);
  }
  server.addService(definition as ServiceDefinition, handlers);
}

function definitionOf(method: DescMethod): MethodDefinition<Bytes, Bytes> {
  const same = (bytes: Bytes): Bytes => bytes;
  return {
    path: pathOf(method),
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function unaryCall(method: DescMethod, handler: UnaryHandler, interceptors: readonly Interceptor[]) {
  const run = compose(interceptors, async (request) => {
    const context = new CallContext(request);
    const message = await handler(request.message as Message, context);
    return new UnaryAnswer(context, message as Message);
  });
  return (call: ServerUnaryCall<Bytes, Bytes>, callback: sendUnaryData<Bytes>): void => {
    const request = new CallRequest(method, call, false);
    answer(request, call.request).then(
      ({ bytes, header, trailer }) => {
        request.isAnswered = true;
        if (header) call.sendMetadata(toMetadata(header));
        callback(null, bytes, trailer && toMetadata(trailer));
      },
      (error) => {
        request.isAnswered = true;
        callback(toStatus(error));
      },
    );
  };
  /** Encodes too, so that an answer that can't be encoded fails its own call and not the process. */
  async function answer(request: CallRequest, bytes: Bytes) {
    request.message = decode(method, bytes);
    const { message, set } = (await run(request as never)) as UnaryAnswer;
    return { bytes: encode(method.output, message), ...set };
  }
}

function streamCall(method: DescMethod, handler: StreamHandler, interceptors: readonly Interceptor[]) {
  const run = compose(interceptors, async (request) => {
    const context = new CallContext(request);
    const [first] = method.methodKind === "server_streaming" ? await firstOf(request.message as never) : [];
    return {
      stream: true,
      service: method.parent,
      method,
      header: context.responseHeader,
      trailer: context.responseTrailer,
      message: handler(first ?? request.message, context),
    } as never;
  });
  return (call: ServerWritableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>): void => {
    answer(call).then(
      () => call.end(),
      (error) => call.emit("error", toStatus(error)),
    );
  };
  async function answer(call: ServerWritableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>): Promise<void> {
    const request = new CallRequest(method, call, true);
    request.message = "request" in call ? onlyOne(decode(method, call.request)) : decodeAll(method, call);
    const response = await run(request as never);
    for await (const each of response.message as AsyncIterable<object>) {
      if (call.cancelled) return;
      const bytes = encode(method.output, each as Message);
      // One message at a time: a slow reader holds up its own stream and nothing else.
      if (!call.write(bytes)) await once(call, "drain", { signal: request.signal });
    }
  }
}

type AnyNext = (request: AnyRequest) => Promise<UnaryResponse | { message: unknown }>;

function compose(interceptors: readonly Interceptor[], handler: AnyNext): AnyNext {
  return interceptors.reduceRight<AnyNext>((next, interceptor) => interceptor(next as never) as AnyNext, handler);
}

function decode(method: DescMethod, bytes: Bytes): Message {
  try {
    return fromBinary(method.input, bytes);
  } catch {
    throw unreadableMessage(method.input);
  }
}

/** By default the iterator destroys the call when the caller has sent everything, and a destroyed call can't send its status. */
async function* decodeAll(method: DescMethod, call: Readable): AsyncIterable<Message> {
  for await (const bytes of call.iterator({ destroyOnReturn: false })) yield decode(method, bytes);
}

async function* onlyOne(message: Message): AsyncIterable<Message> {
  yield message;
}

async function firstOf(messages: AsyncIterable<Message>): Promise<Message[]> {
  for await (const message of messages) return [message];
  return [];
}

function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  headers.forEach((value, name) => {
    metadata.set(name, value);
  });
  return metadata;
}
