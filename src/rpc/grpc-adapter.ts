import { type EventEmitter, once } from "node:events";
import type { Readable } from "node:stream";
import { create, type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type ServiceImpl,
  type StreamRequest,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import {
  Metadata,
  type MethodDefinition,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type StatusObject,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { toConnectError } from "./status.js";
import { unreadableMessage } from "./unreadable.js";

/*
 * Mounts a Connect ServiceImpl on grpc-js, through the same interceptors that the Connect server runs. grpc-js hands us bytes and we decode them, so that an unreadable
 * message is the caller's INVALID_ARGUMENT and not an INTERNAL of its own.
 */

type Bytes = Buffer;
/** What the kinds of call have in common. */
type ServerCall = EventEmitter & { readonly metadata: Metadata; getHost(): string };
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
    const context = contextOf(request);
    const message = await handler(request.message as Message, context);
    const { responseHeader, responseTrailer } = context;
    return {
      stream: false,
      service: method.parent,
      method,
      header: responseHeader,
      trailer: responseTrailer,
      message: create(method.output, message as never),
    } as UnaryResponse;
  });
  return (call: ServerUnaryCall<Bytes, Bytes>, callback: sendUnaryData<Bytes>): void => {
    answer(call).then(
      ({ header, trailer, bytes }) => {
        if ([...header].length > 0) call.sendMetadata(toMetadata(header));
        callback(null, bytes, toMetadata(trailer));
      },
      (error) => callback(toStatus(error)),
    );
  };
  /** Encodes too, so that an answer that can't be encoded fails its own call and not the process. */
  async function answer(call: ServerUnaryCall<Bytes, Bytes>) {
    const message = decode(method, call.request);
    const response = await run({ ...requestOf(method, call), stream: false, message } as UnaryRequest);
    const { header, trailer } = response as UnaryResponse;
    return { header, trailer, bytes: Buffer.from(toBinary(method.output, response.message as Message)) };
  }
}

function streamCall(method: DescMethod, handler: StreamHandler, interceptors: readonly Interceptor[]) {
  const run = compose(interceptors, async (request) => {
    const context = contextOf(request);
    const [first] = method.methodKind === "server_streaming" ? await firstOf(request.message as never) : [];
    const { responseHeader, responseTrailer } = context;
    return {
      stream: true,
      service: method.parent,
      method,
      header: responseHeader,
      trailer: responseTrailer,
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
    const message = "request" in call ? onlyOne(decode(method, call.request)) : decodeAll(method, call);
    const base = requestOf(method, call);
    const response = await run({ ...base, stream: true, message } as unknown as StreamRequest);
    for await (const each of response.message as AsyncIterable<object>) {
      if (call.cancelled) return;
      const bytes = Buffer.from(toBinary(method.output, create(method.output, each as never)));
      // One message at a time: a slow reader holds up its own stream and nothing else.
      if (!call.write(bytes)) await once(call, "drain", { signal: base.signal });
    }
  }
}

type AnyRequest = UnaryRequest | StreamRequest;
type AnyNext = (request: AnyRequest) => Promise<UnaryResponse | { message: unknown }>;

function compose(interceptors: readonly Interceptor[], handler: AnyNext): AnyNext {
  return interceptors.reduceRight<AnyNext>((next, interceptor) => interceptor(next as never) as AnyNext, handler);
}

function requestOf(method: DescMethod, call: ServerCall) {
  const controller = new AbortController();
  call.on("cancelled", () => controller.abort(new ConnectError("the caller has gone", Code.Canceled)));
  return {
    service: method.parent,
    method,
    requestMethod: "POST",
    url: `grpc://${call.getHost()}${pathOf(method)}`,
    signal: controller.signal,
    header: toHeaders(call.metadata),
    contextValues: createContextValues(),
  };
}

function contextOf(request: AnyRequest): HandlerContext {
  return {
    service: request.service,
    method: request.method as DescMethod,
    protocolName: "grpc",
    requestMethod: request.requestMethod,
    url: request.url,
    signal: request.signal,
    timeoutMs: () => undefined,
    requestHeader: request.header,
    responseHeader: new Headers(),
    responseTrailer: new Headers(),
    values: request.contextValues,
  };
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

/** ASCII metadata as headers; binary metadata is of no use to any handler. */
function toHeaders(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  headers.forEach((value, name) => {
    metadata.set(name, value);
  });
  return metadata;
}

/** An error as grpc-js sends it, with the google.rpc.Status that carries its details. */
function toStatus(thrown: unknown): Partial<StatusObject> {
  const error = thrown instanceof ConnectError ? thrown : toConnectError(thrown, "");
  const metadata = new Metadata();
  if (error.details.length > 0) {
    const details = error.details.flatMap((detail) =>
      "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value as never))] : [],
    );
    const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
    metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  }
  return { code: error.code as number, details: error.rawMessage, metadata };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
