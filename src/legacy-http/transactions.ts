import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";
import type { Transaction } from "../gen/stationthis/economy/v1/economy_pb.js";
import { legacyTypeOf, transactionOf } from "./answers.js";
import { Query, type QueryValues } from "./query.js";
import { type EconomyClient, READ } from "./service-call.js";

const DEFAULT_LIMIT = 50;
const MOST_ROWS = 500;
const MOST_OFFSET = 10_000;
/** Pages of the service that one call may read: enough for the largest offset and limit, and the bound of a search for a rare type. */
const MOST_PAGES = 25;
const PAGE_SIZE = 500;

/** What to list. */
interface Listing {
  readonly accountId: string;
  /** As it was given when the money moved; "" for every type. */
  readonly type: string;
  readonly startMs: number | undefined;
  /** Transactions of this very millisecond are listed too. */
  readonly endMs: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

/** `GET …/transactions`, newest first, and `GET /transactions/:transactionId`. */
export function transactionRoutes(scope: FastifyInstance, economy: EconomyClient): void {
  scope.get<{ Params: { masterAccountId: string }; Querystring: QueryValues }>(
    "/users/:masterAccountId/transactions",
    async ({ params: { masterAccountId: accountId }, query: values }) => {
      const query = new Query(values);
      const listing = {
        accountId,
        type: query.text("transactionType"),
        startMs: query.time("startDate"),
        endMs: query.time("endDate"),
        offset: query.integer("offset", 0, MOST_OFFSET, 0),
        limit: query.integer("limit", 1, MOST_ROWS, DEFAULT_LIMIT),
      };
      query.check();
      const found = await list(economy, listing).catch(noneIfUnknown);
      return found.map((transaction) => transactionOf(transaction, accountId));
    },
  );
  scope.get<{ Params: { transactionId: string } }>("/transactions/:transactionId", async ({ params }) => {
    const { transaction } = await economy.getTransaction({ transactionId: params.transactionId }, READ);
    return transactionOf(transaction);
  });
}

/** Skips by reading: an offset has no other meaning on books that grow at the front. */
async function list(economy: EconomyClient, { accountId, type, ...listing }: Listing): Promise<Transaction[]> {
  const end = listing.offset + listing.limit;
  const times = {
    ...(listing.startMs !== undefined && { startTime: timestampFromMs(listing.startMs) }),
    ...(listing.endMs !== undefined && { endTime: timestampFromMs(listing.endMs + 1) }),
  };
  const found: Transaction[] = [];
  let pageToken = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const pageSize = type === "" ? Math.min(PAGE_SIZE, end) : PAGE_SIZE;
    const answer = await economy.listTransactions({ accountId, ...times, pageSize, pageToken }, READ);
    found.push(...answer.transactions.filter((transaction) => type === "" || legacyTypeOf(transaction) === type));
    pageToken = answer.nextPageToken;
    if (pageToken === "" || found.length >= end) break;
  }
  return found.slice(listing.offset, end);
}

/** An account without entries has no transactions, which is no error here. */
function noneIfUnknown(error: unknown): Transaction[] {
  if (error instanceof ConnectError && error.code === Code.NotFound) return [];
  throw error;
}
