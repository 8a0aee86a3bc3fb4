import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Anchor } from "../../audit/anchors.js";

/** What is wrong with an anchor file. It has a name of its own so that no store takes it for an error of its driver. */
export class AnchorFileError extends Error {
  override readonly name = "AnchorFileError";
}

const EXAMPLE = '{"account_id":"alice","version":7,"chain_head":"64 hex digits"}';
/** An account_id and a hash fit many times over: a file with a longer line is something else. */
const LONGEST_LINE = 2_000;
const HASH_HEX = /^[0-9a-f]{64}$/;

/**
 * Reads anchors line by line in constant memory.
 * @throws AnchorFileError that names the line, or says why the file can't be read
 */
export async function* readAnchors(file: string): AsyncGenerator<Anchor> {
  let line = 0;
  for await (const text of linesOf(file)) {
    line++;
    const anchor = text.length > LONGEST_LINE ? undefined : parseAnchor(text);
    if (!anchor) throw new AnchorFileError(`${file} line ${line}: isn't an anchor like ${EXAMPLE}`);
    yield anchor;
  }
}

/**
 * Writes anchors, one JSON object a line. What the file held before stays until all of it is on disk.
 * @returns how many there were
 * @throws AnchorFileError if the file can't be written
 */
export async function writeAnchors(file: string, slices: AsyncIterable<readonly Anchor[]>): Promise<number> {
  const unfinished = `${file}.part`;
  let written = 0;
  const lines = async function* (): AsyncGenerator<string> {
    for await (const slice of slices) {
      written += slice.length;
      yield slice.map(formatAnchor).join("");
    }
  };
  try {
    await pipeline(Readable.from(lines()), createWriteStream(unfinished, { flush: true }));
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw isOfFile(error) ? new AnchorFileError(`${file}: ${error.message}`, { cause: error }) : error;
  }
  return written;
}

function formatAnchor({ accountId, version, chainHead }: Anchor): string {
  const head = Buffer.from(chainHead).toString("hex");
  return `${JSON.stringify({ account_id: accountId, version: Number(version), chain_head: head })}\n`;
}

function parseAnchor(text: string): Anchor | undefined {
  const { account_id: accountId, version, chain_head: head } = objectIn(text);
  if (typeof accountId !== "string" || accountId === "" || accountId.includes("\0")) return undefined;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) return undefined;
  if (typeof head !== "string" || !HASH_HEX.test(head)) return undefined;
  return { accountId, version: BigInt(version), chainHead: Buffer.from(head, "hex") };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Not readline, which would keep a file without line breaks in memory whole. A line that is too long comes out cut, but still too long. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const chunk of createReadStream(file, { encoding: "utf8" })) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (rest.length > LONGEST_LINE) break;
    }
  } catch (error) {
    throw isOfFile(error) ? new AnchorFileError(`${file}: ${error.message}`, { cause: error }) : error;
  }
  if (rest !== "") yield rest;
}

function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
