import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import type { Client } from "@connectrpc/connect";
import type { EconomyService } from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { type LegacyRow, legacyRow } from "./legacy-row.js";
import { readRecords } from "./read-records.js";

export interface ImportOptions {
  readonly file: string;
  readonly sourceName: string;
  readonly usdPerPoint: string;
  readonly usdPerQoint: string;
  readonly usdPerDoint: string;
  readonly isDryRun: boolean;
  /** Where refused rows go, one JSON object a line with line number and problem. */
  readonly refusedFile: string;
  readonly onProgress: (bytes: number, totals: ImportTotals) => void;
}

export interface ImportTotals {
  imported: number;
  /** Imported before, or worth nothing. */
  skipped: number;
  refused: number;
  totalUsdMicros: bigint;
}

/** Rows in one call: the most that it takes. */
const ROWS_A_CALL = 5_000;

interface NumberedRow {
  readonly line: number;
  readonly row: LegacyRow;
}

/** Imports a file through ImportLegacyBalances, a call at a time. Running it again goes on where it stopped, because nothing is imported twice. */
export async function runImport(economy: Client<typeof EconomyService>, options: ImportOptions): Promise<ImportTotals> {
  const totals: ImportTotals = { imported: 0, skipped: 0, refused: 0, totalUsdMicros: 0n };
  const refused = createWriteStream(options.refusedFile);
  let bytes = 0;
  let rows: NumberedRow[] = [];
  const flush = async (): Promise<void> => {
    if (rows.length > 0) await importRows(economy, options, rows, totals, refused);
    rows = [];
    options.onProgress(bytes, totals);
  };
  const records = readRecords(options.file, (read) => {
    bytes = read;
  });
  for await (const { line, record, problem } of records) {
    const row = problem ?? legacyRow(record);
    if (typeof row === "string") await refuse(refused, totals, line, "", row);
    else rows.push({ line, row });
    if (rows.length === ROWS_A_CALL) await flush();
  }
  await flush();
  refused.end();
  await once(refused, "finish");
  return totals;
}

async function importRows(
  economy: Client<typeof EconomyService>,
  options: ImportOptions,
  rows: readonly NumberedRow[],
  totals: ImportTotals,
  refused: WriteStream,
): Promise<void> {
  const { sourceName, usdPerPoint, usdPerQoint, usdPerDoint, isDryRun } = options;
  const answer = await economy.importLegacyBalances({
    requestId: `${sourceName}:${rows[0]?.line}`,
    sourceName,
    rows: rows.map(({ row }) => row),
    usdPerPoint,
    usdPerQoint,
    usdPerDoint,
    dryRun: isDryRun,
  });
  totals.imported += answer.imported;
  totals.skipped += answer.skipped;
  totals.totalUsdMicros += answer.totalUsdMicros;
  for (const { row, accountId, problem } of answer.results) {
    if (problem !== "") await refuse(refused, totals, rows[row]?.line ?? 0, accountId, problem);
  }
}

async function refuse(
  refused: WriteStream,
  totals: ImportTotals,
  line: number,
  accountId: string,
  problem: string,
): Promise<void> {
  totals.refused++;
  if (!refused.write(`${JSON.stringify({ line, accountId, problem })}\n`)) await once(refused, "drain");
}
