import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { expect, it } from "vitest";
import type { ServerStream } from "../../src/http2/server-stream.js";
import { serveGenerally } from "../../src/rpc/general-call.js";

it.each([
  ["unary", true],
  ["server_streaming", true],
  ["client_streaming", false],
  ["bidi_streaming", false],
] as const)("the request of a %s call is to come without long pauses: %s", async (methodKind, expectsAll) => {
  const stream = {
    headers: { method: "POST", path: "/a", authority: "b", fields: new Map() },
    expectsAll: false,
    serve: () => {},
    respond: () => {},
  };
  const handler = Object.assign(async () => ({ status: 200 }), { method: { methodKind } });
  await serveGenerally(stream as Partial<ServerStream> as ServerStream, handler as unknown as UniversalHandler);
  expect(stream.expectsAll).toBe(expectsAll);
});
