import { type Refusal, Refused, refusalFor } from "../refusal.js";
import type { EncodedAnswer } from "../unary-runner.js";

/*
 * What becomes of a call, as a frame's kind and bytes. Nearly all are a message and nothing else.
 */

const MESSAGE = 0;
/** A message after headers and trailers that a handler has set. */
const MESSAGE_WITH_HEADERS = 1;
const REFUSAL = 2;

const LENGTH_BYTES = 4;
const NO_BYTES = Buffer.alloc(0);

type Pairs = readonly [string, string][];

interface HeaderPairs {
  readonly header?: Pairs;
  readonly trailer?: Pairs;
}

export interface AnswerFrame {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

export function answerFrame({ bytes, header, trailer }: EncodedAnswer): AnswerFrame {
  if (!header && !trailer) return { kind: MESSAGE, bytes };
  const pairs: HeaderPairs = { ...(header && { header: [...header] }), ...(trailer && { trailer: [...trailer] }) };
  return { kind: MESSAGE_WITH_HEADERS, bytes: withHead(pairs, bytes) };
}

/** @param thrown anything, by what runs calls */
export function refusalFrame(thrown: unknown): AnswerFrame {
  return { kind: REFUSAL, bytes: withHead(refusalFor(thrown), NO_BYTES) };
}

/** @throws Refused if that is what the frame says */
export function readAnswer({ kind, bytes }: AnswerFrame): EncodedAnswer {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (kind === MESSAGE) return { bytes: all };
  const messageAt = LENGTH_BYTES + all.readUInt32BE();
  const head: unknown = JSON.parse(all.toString("utf8", LENGTH_BYTES, messageAt));
  if (kind === REFUSAL) throw new Refused(head as Refusal);
  const { header, trailer } = head as HeaderPairs;
  return {
    bytes: all.subarray(messageAt),
    ...(header && { header: new Headers([...header]) }),
    ...(trailer && { trailer: new Headers([...trailer]) }),
  };
}

/** JSON after its length, then bytes. */
function withHead(head: object, bytes: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, bytes]);
}
