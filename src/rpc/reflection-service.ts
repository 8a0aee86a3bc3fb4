import { createRegistry, type DescFile, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  file_grpc_reflection_v1_reflection as fileReflectionV1,
  type ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.js";
import { file_grpc_reflection_v1alpha_reflection as fileReflectionV1Alpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";

type Response = MessageInitShape<typeof ServerReflectionResponseSchema>;
type Answer = NonNullable<Response["messageResponse"]>;

/**
 * Server reflection over the generated descriptors, so that buf curl and grpcurl need no schema. A file is always sent with everything it imports: buf curl
 * can't ask for it later. v1 and v1alpha have the same messages, so one implementation serves both.
 * @param files files of the services to show, and of messages that errors carry
 */
export function reflectionService(files: readonly DescFile[]): ServiceImpl<typeof ServerReflection> {
  const shown = withImports([...files, fileReflectionV1, fileReflectionV1Alpha]);
  const registry = createRegistry(...shown);
  const services = shown.flatMap((file) => file.services.map(({ typeName }) => ({ name: typeName })));
  const answers: { [Case in Kind]: (value: never) => Answer } = {
    listServices: () => ({ case: "listServicesResponse", value: { service: services } }),
    fileByFilename: (name: string) =>
      filesResponse(
        shown.find((file) => file.proto.name === name),
        name,
      ),
    fileContainingSymbol: (symbol: string) => filesResponse(fileOf(symbol), symbol),
    fileContainingExtension: ({
      containingType,
      extensionNumber,
    }: {
      containingType: string;
      extensionNumber: number;
    }) => notFound(`extension ${extensionNumber} of ${containingType}`),
    allExtensionNumbersOfType: (type: string) =>
      registry.getMessage(type)
        ? { case: "allExtensionNumbersResponse", value: { baseTypeName: type, extensionNumber: [] } }
        : notFound(type),
  };

  /** A symbol may be a service, a message, an enum, or a method or field inside one. */
  function fileOf(symbol: string): DescFile | undefined {
    const found = registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf(".")));
    return found?.file;
  }

  return {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield answerTo(request);
    },
  };

  function answerTo(originalRequest: ServerReflectionRequest): Response {
    const { case: kind, value } = originalRequest.messageRequest;
    const messageResponse = kind ? answers[kind](value as never) : notFound("a request without a question");
    return { validHost: originalRequest.host, originalRequest, messageResponse };
  }
}

type Kind = Exclude<ServerReflectionRequest["messageRequest"]["case"], undefined>;

function filesResponse(file: DescFile | undefined, asked: string): Answer {
  if (!file) return notFound(asked);
  const fileDescriptorProto = withImports([file]).map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(asked: string): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `there is no ${asked} here` } };
}

/** Files and all they import, each once, the asked ones first. */
function withImports(files: readonly DescFile[]): DescFile[] {
  const seen = new Map<string, DescFile>();
  const queue = [...files];
  for (let file = queue.shift(); file; file = queue.shift()) {
    if (seen.has(file.proto.name)) continue;
    seen.set(file.proto.name, file);
    queue.push(...file.dependencies);
  }
  return [...seen.values()];
}
