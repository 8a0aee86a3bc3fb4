import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import { ACCOUNT_ID_PATTERN, isPlatformAccount } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import { type LegacyRates, legacyWorth } from "../../domain/legacy.js";
import { MAX_OPERATION_USD_MICROS, parseDecimal, RATE_DECIMALS } from "../../domain/money.js";
import type {
  EconomyService,
  ImportLegacyBalancesRequest,
  LegacyBalance,
  LegacyRowResultSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { importLegacy } from "../../ledger/commands/import-legacy.js";
import type { Submitter } from "../../ledger/writer.js";
import { callOf, submitterOf } from "../call.js";
import type { ServiceDependencies } from "../dependencies.js";

type RowResult = MessageInitShape<typeof LegacyRowResultSchema> & { readonly amountUsdMicros: bigint };

/** Rows submitted at a time, so that an import leaves the writer's queue to others. */
const ROWS_AT_ONCE = 500;

export function importLegacyBalances(
  dependencies: ServiceDependencies,
): MethodImpl<typeof EconomyService.method.importLegacyBalances> {
  return async (request, context) => {
    const { caller } = callOf(context);
    const call = {
      dependencies,
      request,
      rates: ratesIn(request),
      caller,
      submitter: submitterOf(context),
      seen: new Set<string>(),
    };
    const results: RowResult[] = [];
    for (let start = 0; start < request.rows.length; start += ROWS_AT_ONCE) {
      const rows = request.rows.slice(start, start + ROWS_AT_ONCE);
      results.push(...(await Promise.all(rows.map((row, index) => importOne(call, row, start + index)))));
    }
    const imported = results.filter((result) => result.imported);
    const refused = results.filter((result) => result.problem !== "");
    return {
      imported: imported.length,
      skipped: results.length - imported.length - refused.length,
      refused: refused.length,
      totalUsdMicros: imported.reduce((sum, result) => sum + result.amountUsdMicros, 0n),
      results,
    };
  };
}

/** What the rows of one call share. */
interface ImportCall {
  readonly dependencies: ServiceDependencies;
  readonly request: ImportLegacyBalancesRequest;
  readonly rates: LegacyRates;
  readonly caller: string;
  readonly submitter: Submitter;
  /** Accounts that a row of a dry run stood for already: where rows are written, the store knows. */
  readonly seen: Set<string>;
}

async function importOne(call: ImportCall, row: LegacyBalance, index: number): Promise<RowResult> {
  const { accountId } = row;
  const { sourceName, dryRun } = call.request;
  const answer = { row: index, accountId, amountUsdMicros: 0n, imported: false, problem: "" };
  const worth = worthOf(row, call.rates);
  if (typeof worth === "string") return { ...answer, problem: worth };
  if (worth === 0n) return answer;
  const externalReference = `legacy:${sourceName}:${accountId}`;
  if (dryRun)
    return { ...answer, amountUsdMicros: worth, imported: await wouldImport(call, accountId, externalReference) };
  const command = importLegacy({
    caller: call.caller,
    transactionId: uuidv7(),
    accountId,
    amountUsdMicros: worth,
    externalReference,
    description: `old balance from ${sourceName}`,
  });
  try {
    const { isImported } = await call.dependencies.writer.submit(command, call.submitter);
    return { ...answer, amountUsdMicros: worth, imported: isImported };
  } catch (error) {
    // What is wrong with this row is this row's; what is wrong with the store is everybody's.
    if (error instanceof TollgateError && error.reason === "AMOUNT_OUT_OF_RANGE") {
      return { ...answer, problem: error.message };
    }
    throw error;
  }
}

async function wouldImport({ dependencies, seen }: ImportCall, accountId: string, reference: string): Promise<boolean> {
  if (seen.has(accountId)) return false;
  seen.add(accountId);
  return (await dependencies.store.transactionWithReference(reference)) === undefined;
}

/** What a row is worth in micro-USD, or what is wrong with it. */
function worthOf(row: LegacyBalance, rates: LegacyRates): bigint | string {
  if (!ACCOUNT_ID_PATTERN.test(row.accountId) || isPlatformAccount(row.accountId)) {
    return "account_id: takes 1-128 of A-Z a-z 0-9 _ . : - and no sys: account";
  }
  const worth = legacyWorth(row, rates);
  if (typeof worth !== "bigint") return `${worth.unreadable}: takes a decimal of at most 12 decimals, not negative`;
  if (worth > MAX_OPERATION_USD_MICROS) return `is worth ${worth} micro-USD, more than ${MAX_OPERATION_USD_MICROS}`;
  return worth;
}

/** @throws TollgateError INVALID_FIELDS if rows need a rate that isn't given */
function ratesIn({ rows, usdPerPoint, usdPerQoint, usdPerDoint }: ImportLegacyBalancesRequest): LegacyRates {
  const needed = { points: usdPerPoint, qoints: usdPerQoint, doints: usdPerDoint };
  const missing = (["points", "qoints", "doints"] as const).filter(
    (unit) => needed[unit] === "" && rows.some((row) => row[unit] !== ""),
  );
  if (missing.length > 0) {
    throw TollgateError.invalid(
      missing.map((unit) => ({
        field: `usd_per_${unit.slice(0, -1)}`,
        description: `is required: some rows have ${unit}`,
      })),
    );
  }
  const rate = (text: string) => parseDecimal(text, RATE_DECIMALS) ?? 0n;
  return { points: rate(usdPerPoint), qoints: rate(usdPerQoint), doints: rate(usdPerDoint) };
}
