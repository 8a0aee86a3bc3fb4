import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { ErrorCode, type Frame, FrameReader, FrameType, PREFACE } from "../../src/http2/frames.js";
import { DEFAULT_LIMITS } from "../../src/http2/limits.js";
import { type RequestHandler, ServerConnection } from "../../src/http2/server-connection.js";
import { Peer } from "./peer.js";
import { framesOf, requestTo } from "./raw-client.js";

const fail = (): never => {
  throw new Error("a defect");
};

it.each<[string, RequestHandler]>([
  ["a request's headers", fail],
  ["a request's stream", () => fail],
  ["a request's body", () => (stream) => stream.serve({ received: fail, receivedAll: () => {}, closed: () => {} })],
])("a defect in what is told of %s ends the connection with INTERNAL_ERROR, and is thrown on", (_, onRequest) => {
  const peer = new Peer();
  peer.startReading();
  new ServerConnection(peer as unknown as Socket, DEFAULT_LIMITS, { streams: 0 }, onRequest, () => {});
  const bytes = framesOf((writer) => {
    writer.settings({});
    writer.headers(1, requestTo("/any"), false);
    writer.frame(FrameType.data, 1, 1, Buffer.from("body"));
  });
  expect(() => peer.emit("data", Buffer.concat([PREFACE, bytes]))).toThrow("a defect");
  const frames: Frame[] = [];
  new FrameReader().read(Buffer.concat(peer.written), (frame) => frames.push(frame));
  const { payload } = frames.find(({ type }) => type === FrameType.goAway) as Frame;
  expect(payload.readUInt32BE(4)).toBe(ErrorCode.internalError);
  // The client isn't told what went wrong.
  expect(payload).toHaveLength(8);
  expect(peer.writableEnded).toBe(true);
  peer.destroy();
});
