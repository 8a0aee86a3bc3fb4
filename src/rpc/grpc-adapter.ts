import { once } from "node:events";
import type { Readable } from "node:stream";
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, ServiceImpl } from "@connectrpc/connect";
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
import { CallContext, CallRequest, pathOf } from "./grpc-call.js";
import { toStatus } from "./grpc-status.js";
import {
  compose,
  decode,
  type ServedMethod,
  type UnaryHandler,
  type UnaryRunner,
  unaryRunner,
} from "./unary-runner.js";

/*
 * Mounts a Connect ServiceImpl on grpc-js, through the same interceptors that the Connect server runs. grpc-js hands us bytes and we decode them, so that an unreadable
 * message is the caller's INVALID_ARGUMENT and not an INTERNAL of its own.
 */

type Bytes = Buffer;
type StreamHandler = (message: unknown, context: HandlerContext) => AsyncIterable<object>;

/**
 * Adds every method of a service to a grpc-js server.
 * @returns the methods, the unary ones with what runs their calls, however those come
 */
export function mountService<Service extends DescService>(
  server: Server,
  service: Service,
  implementation: ServiceImpl<Service>,
  interceptors: readonly Interceptor[],
): ServedMethod[] {
  const definition: Record<string, MethodDefinition<Bytes, Bytes>> = {};
  const handlers: UntypedServiceImplementation = {};
  const methods = service.methods.map((method): ServedMethod => {
    definition[method.localName] = definitionOf(method);
    const handler = (implementation as Record<string, unknown>)[method.localName];
    if (method.methodKind !== "unary") {
      handlers[method.localName] = streamCall(method, handler as StreamHandler, interceptors);
      return { method, run: undefined };
    }
    const run = unaryRunner(method, handler as UnaryHandler, interceptors);
    handlers[method.localName] = unaryCall(method, run);
    return { method, run };
  });
  server.addService(definition as ServiceDefinition, handlers);
  return methods;
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

function unaryCall(method: DescMethod, run: UnaryRunner) {
  return (call: ServerUnaryCall<Bytes, Bytes>, callback: sendUnaryData<Bytes>): void => {
    const request = new CallRequest(method, call, false);
    run(request, call.request).then(
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
}

function streamCall(method: DescMethod, handler: StreamHandler, interceptors: readonly Interceptor[]) {
  prepareToEncode(method.output);
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
