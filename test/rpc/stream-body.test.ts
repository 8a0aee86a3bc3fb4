import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { ServerStream } from "../../src/http2/server-stream.js";
import { StreamBody } from "../../src/rpc/stream-body.js";
import { enveloped } from "./support.js";

/** A body, and how much of it was said to have been taken. */
function startBody(): { readonly body: StreamBody; taken(): number } {
  let takenBytes = 0;
  const taken = (bytes: number): void => {
    takenBytes += bytes;
  };
  return { body: new StreamBody({ taken } as Pick<ServerStream, "taken"> as ServerStream), taken: () => takenBytes };
}

/** Gives it in pieces, each as soon as the reader has seen to the one before. */
async function give(body: StreamBody, bytes: Buffer, pieceBytes: number): Promise<void> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    body.received(bytes.subarray(start, start + pieceBytes));
    await Promise.resolve();
  }
  body.receivedAll();
}

async function piecesOf(body: StreamBody): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return pieces;
}

const SMALL = enveloped(Buffer.from("small"));
const LARGE = enveloped(Buffer.alloc(100_000, "large"));

describe("the body of a request that isn't plain", () => {
  it.each([1, 2, 3, 5, 7, 100, 16_384, 1_000_000])("is read as it was sent, in pieces of %i", async (pieceBytes) => {
    const bytes = Buffer.concat([SMALL, LARGE, enveloped(Buffer.alloc(0)), SMALL, LARGE]);
    const { body, taken } = startBody();
    const [pieces] = await Promise.all([piecesOf(body), give(body, bytes, pieceBytes)]);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(taken()).toBe(bytes.length);
  });

  it("is handed on in few pieces, however many it comes in", async () => {
    const { body } = startBody();
    const [pieces] = await Promise.all([piecesOf(body), give(body, LARGE, 1)]);
    expect(pieces.length).toBeLessThan(10);
  });

  it("is handed on as soon as a prefix or a message is there, also if more is to come", async () => {
    const { body } = startBody();
    const reader = body[Symbol.asyncIterator]();
    body.received(SMALL.subarray(0, 3));
    body.received(SMALL.subarray(3, 5));
    expect((await reader.next()).value).toEqual(SMALL.subarray(0, 5));
    body.received(SMALL.subarray(5, 9));
    body.received(Buffer.concat([SMALL.subarray(9), SMALL.subarray(0, 2)]));
    expect((await reader.next()).value).toEqual(Buffer.concat([SMALL.subarray(5), SMALL.subarray(0, 2)]));
  });

  it("is handed on as far as it came when it ends in the middle of a message", async () => {
    const { body } = startBody();
    body.received(SMALL.subarray(0, 7));
    body.receivedAll();
    expect(await piecesOf(body)).toEqual([SMALL.subarray(0, 7)]);
  });

  it("holds its client up until somebody reads it", async () => {
    const { body, taken } = startBody();
    for (let times = 0; times < 1_000; times++) body.received(SMALL);
    expect(taken()).toBe(0);
    await body[Symbol.asyncIterator]().next();
    expect(taken()).toBe(1_000 * SMALL.length);
  });

  it("ends with an error if the client goes before it is whole", async () => {
    const { body } = startBody();
    const read = piecesOf(body);
    body.received(SMALL.subarray(0, 2));
    body.closed();
    await expect(read).rejects.toMatchObject({ code: Code.Canceled });
    expect(body.signal.aborted).toBe(true);
  });
});
