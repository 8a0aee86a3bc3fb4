import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parse } from "csv-parse";

/** One record of an export file, or why a line isn't one. */
export interface FileRecord {
  /** From 1. */
  readonly line: number;
  readonly record?: unknown;
  readonly problem?: string;
}

/** Longest line taken; a longer one is refused as a row. */
const MAX_LINE_CHARACTERS = 1_000_000;

/**
 * Reads a file record by record in constant memory: CSV with a header if its name ends in .csv, else one JSON object a line.
 * @param onBytes told how much of the file has been read
 */
export function readRecords(file: string, onBytes: (bytes: number) => void): AsyncIterable<FileRecord> {
  const stream = createReadStream(file, { encoding: "utf8" });
  stream.on("data", () => onBytes(stream.bytesRead));
  return file.toLowerCase().endsWith(".csv") ? csvRecords(stream) : jsonRecords(stream);
}

async function* jsonRecords(stream: NodeJS.ReadableStream): AsyncIterable<FileRecord> {
  let line = 0;
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() === "") continue;
    yield jsonRecord(line, text);
  }
}

function jsonRecord(line: number, text: string): FileRecord {
  if (text.length > MAX_LINE_CHARACTERS) return { line, problem: `is longer than ${MAX_LINE_CHARACTERS} characters` };
  try {
    return { line, record: JSON.parse(text) };
  } catch {
    return { line, problem: "is no JSON" };
  }
}

async function* csvRecords(stream: NodeJS.ReadableStream): AsyncIterable<FileRecord> {
  const parser = stream.pipe(
    parse({
      columns: true,
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: MAX_LINE_CHARACTERS,
    }),
  );
  for await (const { record, info } of parser as AsyncIterable<{ record: unknown; info: { lines: number } }>) {
    yield { line: info.lines, record };
  }
}
