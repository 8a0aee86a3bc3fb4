import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { EMPTY_CALL_PATH } from "./empty-call.js";

/*
 * A process with a grpc-js server whose only method takes bytes and answers none: what a call costs before anything is done in it. It sends its port to the
 * process that forked it.
 */

const same = (bytes: Buffer): Buffer => bytes;
const server = new Server();
const definition: ServiceDefinition = {
  empty: {
    path: EMPTY_CALL_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};
const nothing = Buffer.alloc(0);
server.addService(definition, {
  empty: (_call: unknown, callback: (error: null, answer: Buffer) => void) => callback(null, nothing),
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.on("disconnect", () => process.exit(0));
