import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  type HandlerContext,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import type { RequestHeaders } from "../http2/request-headers.js";
import { SUBMITTER } from "../services/call.js";
import { CallValues } from "./call-values.js";

/** A call as far as the one who makes it is concerned. */
export interface ServerCall {
  readonly headers: Pick<RequestHeaders, "authority" | "fields">;
  /** Whether the caller has gone, or its deadline has passed, before it had an answer. */
  readonly cancelled: boolean;
  /** @param listener called when that happens */
  onceCancelled(listener: () => void): void;
}

export type AnyRequest = UnaryRequest | StreamRequest;

/*
 * A call as interceptors and handlers see it. Headers and the signal are made when somebody asks for them: nearly no call needs any, and they would be a good part of what it costs.
 */
export class CallRequest {
  readonly service: DescService;
  readonly requestMethod = "POST";
  readonly contextValues: ContextValues = new CallValues(SUBMITTER, this);
  readonly stream = false;
  message: unknown;
  /** As the writer's `Submitter` has it. */
  hasPlace = false;
  private controller: AbortController | undefined;
  private headers: Headers | undefined;

  constructor(
    readonly method: DescMethod,
    private readonly call: ServerCall,
  ) {
    this.service = method.parent;
  }

  get aborted(): boolean {
    return this.call.cancelled;
  }

  get reason(): ConnectError {
    return new ConnectError("the caller has gone", Code.Canceled);
  }

  get url(): string {
    return `grpc://${this.call.headers.authority}${pathOf(this.method)}`;
  }

  get header(): Headers {
    this.headers ??= new Headers([...this.call.headers.fields]);
    return this.headers;
  }

  get signal(): AbortSignal {
    this.controller ??= this.watchedController();
    return this.controller.signal;
  }

  private watchedController(): AbortController {
    const controller = new AbortController();
    if (this.aborted) controller.abort(this.reason);
    else this.call.onceCancelled(() => controller.abort(this.reason));
    return controller;
  }
}

export class CallContext implements HandlerContext {
  readonly protocolName = "grpc";
  /** What has been set so far, for the answer. */
  readonly set: { header?: Headers; trailer?: Headers } = {};

  constructor(private readonly request: AnyRequest) {}

  get service(): DescService {
    return this.request.service;
  }

  get method(): DescMethod {
    return this.request.method as DescMethod;
  }

  get requestMethod(): string {
    return this.request.requestMethod;
  }

  get url(): string {
    return this.request.url;
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  get requestHeader(): Headers {
    return this.request.header;
  }

  get values(): ContextValues {
    return this.request.contextValues;
  }

  get responseHeader(): Headers {
    this.set.header ??= new Headers();
    return this.set.header;
  }

  get responseTrailer(): Headers {
    this.set.trailer ??= new Headers();
    return this.set.trailer;
  }

  timeoutMs(): undefined {
    return undefined;
  }
}

export class UnaryAnswer {
  readonly stream = false;

  constructor(
    private readonly context: CallContext,
    /** Or a plain object of its shape. */
    readonly message: Message,
  ) {}

  get service(): DescService {
    return this.context.service;
  }

  get method(): DescMethod {
    return this.context.method;
  }

  get header(): Headers {
    return this.context.responseHeader;
  }

  get trailer(): Headers {
    return this.context.responseTrailer;
  }

  get set(): CallContext["set"] {
    return this.context.set;
  }
}

/** "/package.Service/Method" */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
