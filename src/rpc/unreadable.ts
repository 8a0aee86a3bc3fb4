import { createRegistry, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import {
  assertByteStreamRequest,
  createAsyncIterable,
  encodeEnvelope,
  readAllBytes,
  type UniversalHandler,
  type UniversalHandlerFn,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorFromJsonBytes, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { type FieldViolation, TollgateError } from "../domain/errors.js";
import { file_google_rpc_error_details as fileErrorDetails } from "../gen/google/rpc/error_details_pb.js";
import { CALL } from "../services/call.js";
import { PREFIX_BYTES } from "./request-body.js";
import { toConnectError } from "./status.js";
import { droppable } from "./unread-body.js";

/*
 * Connect reads a message before the first interceptor runs. What it can't read it answers by itself: without our details, and as INTERNAL if it is binary. Here such
 * an answer becomes the row of the error table that a gRPC caller gets.
 */

/**
 * How JSON is read and written. Connect would ignore what it doesn't know, and so take a misspelt enum value for an unset one: a filter for none. The registry
 * knows the details of a refusal inside an answer, as BatchPost has them.
 */
export const JSON_OPTIONS = { ignoreUnknownFields: false, registry: createRegistry(fileErrorDetails) };

/** What a message that can't be read is called among the fields of a request. */
const WHOLE_REQUEST = "request";
/** More of what a caller sent is not worth sending back. */
const LONGEST_NAME = 64;
const LONGEST_DESCRIPTION = 300;
/** No request has as many. */
const MOST_FIELDS = 100;
/** Of an error, which may repeat what was sent, escaped: far more than a request of the largest size. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The refusal of bytes that are no message of this type. */
export function unreadableMessage({ typeName }: DescMessage): ConnectError {
  return refusal([{ field: WHOLE_REQUEST, description: `is no readable ${typeName}` }]);
}

/** A handler that refuses what it can't read with the details of every other refusal. */
export function refusingUnreadable(handler: UniversalHandler): UniversalHandler {
  const { input } = handler.method;
  const handle: UniversalHandlerFn = async (request) => {
    const contextValues = request.contextValues ?? createContextValues();
    const sent: Uint8Array[] = [];
    assertByteStreamRequest(request);
    const { body, dropRest } = droppable(request.body);
    const response = await handler({
      ...request,
      contextValues,
      body: isPlainJson(request) ? keeping(body, sent) : body,
    });
    void dropRest();
    const reachedInterceptors = contextValues.get(CALL) !== CALL.defaultValue;
    return reachedInterceptors ? response : withDetails(response, (error) => detailed(error, input, sent));
  };
  return Object.assign(handle, { ...handler });
}

function isPlainJson({ header }: UniversalServerRequest): boolean {
  return Boolean(header.get("content-type")?.startsWith("application/json")) && !header.has("content-encoding");
}

/** The body, which leaves a copy of itself behind: of JSON that says which fields are bad. */
async function* keeping(body: AsyncIterable<Uint8Array>, sent: Uint8Array[]): AsyncIterable<Uint8Array> {
  for await (const bytes of body) {
    sent.push(bytes);
    yield bytes;
  }
}

/** Too large, an unknown compression and the like stay as they are. @param error undefined if Connect's answer can't be read */
function detailed(error: ConnectError | undefined, input: DescMessage, sent: readonly Uint8Array[]): ConnectError {
  if (error && error.code !== Code.InvalidArgument && error.code !== Code.Internal) return error;
  const fields = unreadableFields(input, sent);
  if (fields.length > 0) return refusal(fields);
  if (error?.code !== Code.InvalidArgument) return unreadableMessage(input);
  return refusal([{ field: WHOLE_REQUEST, description: error.rawMessage }]);
}

/** Reads each field on its own: the reader of the whole message stops at the first bad one, and doesn't always name it. */
function unreadableFields(input: DescMessage, sent: readonly Uint8Array[]): FieldViolation[] {
  const json = parsed(sent);
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  return Object.entries(json)
    .slice(0, MOST_FIELDS)
    .flatMap(([key, value]) => {
      try {
        fromJson(input, { [key]: value }, JSON_OPTIONS);
        return [];
      } catch (error) {
        const known = input.fields.find((field) => field.jsonName === key || field.name === key);
        return [{ field: known?.name ?? key.slice(0, LONGEST_NAME), description: (error as Error).message }];
      }
    });
}

function parsed(sent: readonly Uint8Array[]): JsonValue | undefined {
  try {
    return JSON.parse(Buffer.concat(sent).toString()) as JsonValue;
  } catch {
    return undefined;
  }
}

function refusal(violations: readonly FieldViolation[]): ConnectError {
  const sendable = violations.map(({ field, description }) => ({
    field: field.toWellFormed(),
    description: description.slice(0, LONGEST_DESCRIPTION).toWellFormed(),
  }));
  return toConnectError(TollgateError.invalid(sendable), "");
}

type Detailed = (error: ConnectError | undefined) => ConnectError;

function withDetails(response: UniversalServerResponse, detailed: Detailed): Promise<UniversalServerResponse> {
  const type = response.header?.get("content-type") ?? "";
  if (type.startsWith("application/grpc-web")) return withTrailerDetails(response, detailed);
  if (type === "application/json" && response.status >= 400) return withBodyDetails(response, detailed);
  return Promise.resolve(response);
}

/** Connect: the error is the body. */
async function withBodyDetails(
  response: UniversalServerResponse,
  detailed: Detailed,
): Promise<UniversalServerResponse> {
  const bytes = await bytesOf(response);
  const error = detailed(found(() => errorFromJsonBytes(bytes, undefined, new ConnectError("unknown"))));
  const body = errorToJsonBytes(error, undefined);
  const header = new Headers(response.header);
  header.delete("content-encoding");
  header.set("content-length", String(body.byteLength));
  return { ...response, status: codeToHttpStatus(error.code), header, body: createAsyncIterable([body]) };
}

/** gRPC-Web: the error is the trailer, which is the only envelope of the body. */
async function withTrailerDetails(
  response: UniversalServerResponse,
  detailed: Detailed,
): Promise<UniversalServerResponse> {
  const bytes = await bytesOf(response);
  const error = found(() => findTrailerError(trailerParse(bytes.subarray(PREFIX_BYTES))));
  const trailer = setTrailerStatus(new Headers(), detailed(error));
  return { ...response, body: createAsyncIterable([encodeEnvelope(trailerFlag, trailerSerialize(trailer))]) };
}

function bytesOf({ body }: UniversalServerResponse): Promise<Uint8Array> {
  return readAllBytes(body ?? createAsyncIterable([]), MAX_ANSWER_BYTES);
}

/** A long error is compressed by now, and then nothing of it is known. */
function found(error: () => ConnectError | undefined): ConnectError | undefined {
  try {
    return error();
  } catch {
    return undefined;
  }
}
