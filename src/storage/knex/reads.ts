import type { Knex } from "knex";
import type { Generation, GenerationEvent } from "../../domain/generation/generation.js";
import type { TransactionWithEntries } from "../../domain/ledger/rows.js";
import type { EpochMicros } from "../../domain/time.js";
import type { Table } from "../columns.js";
import { groupBy } from "../group.js";
import type { EntryCursor, GenerationFilter, Page, ReadStore, TransactionFilter } from "../read-store.js";
import type { GenerationRef } from "../store.js";
import { ENTRIES, EVENTS, GENERATIONS, TRANSACTIONS } from "../tables.js";
import { isUuid } from "../uuid.js";
import type { KnexAccountReads } from "./account-reads.js";
import { EntryStreams } from "./entry-streams.js";
import type { KnexGenerationLookups } from "./generation-lookups.js";
import { readOneTogether, readTogether } from "./read-together.js";
import type { KnexRewardReads } from "./reward-reads.js";

/** Slices of a page's size that a list looks through for a rare filter, before it returns a short page. */
const SLICES_PER_PAGE = 20;

/** Runs a query and decodes its rows. */
export async function rowsOf<Row>(table: Table<Row>, query: Knex.QueryBuilder): Promise<Row[]> {
  const stored = (await query) as Record<string, unknown>[];
  return stored.map((row) => table.decode(row));
}

/** Reads of transactions and generations: the same SQL on both backends. */
export class KnexReads
  implements Omit<ReadStore, keyof KnexAccountReads | keyof KnexRewardReads | keyof KnexGenerationLookups>
{
  private readonly transactionTogether = readOneTogether(
    (ids) => this.transactionsWithEntries(ids),
    ({ transaction }) => transaction.transactionId,
  );
  private readonly generationTogether = readOneTogether(
    (ids) => this.rows(GENERATIONS, this.knex(GENERATIONS.name).whereIn("generation_id", ids)),
    (generation) => generation.generationId,
  );
  private readonly runsTogether = readTogether((runIds: readonly string[]) => this.readRuns(runIds));

  /** @param guard turns a driver's errors into StoreErrors */
  constructor(
    private readonly knex: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
  ) {}

  async transaction(transactionId: string): Promise<TransactionWithEntries | undefined> {
    return isUuid(transactionId) ? this.transactionTogether(transactionId) : undefined;
  }

  async transactionWithReference(externalReference: string): Promise<string | undefined> {
    const query = this.knex(TRANSACTIONS.name)
      .where("external_reference", externalReference)
      .whereNot("external_reference", "")
      .select("transaction_id");
    return (await this.guard(query))[0]?.transaction_id;
  }

  async listTransactions(
    accountIds: readonly string[],
    filter: TransactionFilter,
    cursor: EntryCursor | undefined,
    pageSize: number,
  ): Promise<Page<TransactionWithEntries, EntryCursor>> {
    const streams = new EntryStreams(accountIds, cursor, (accountId, below) =>
      this.entrySlice(accountId, below, pageSize + 1),
    );
    const found: string[] = [];
    for (let looked = 0; looked < pageSize * SLICES_PER_PAGE && found.length < pageSize; looked++) {
      const entry = await streams.next();
      if (!entry || entry.createTime < filter.startTime) return this.transactionPage(found, undefined);
      if (matchesTransaction(entry, filter)) found.push(entry.transactionId);
    }
    return this.transactionPage(found, (await streams.isAtEnd()) ? undefined : streams.position());
  }

  async findGenerations({ generationId, runId }: GenerationRef): Promise<Generation[]> {
    // "" is no run.
    if (generationId === "") return runId === "" ? [] : this.runsTogether(runId);
    const found = isUuid(generationId) ? await this.generationTogether(generationId) : undefined;
    return found ? [found] : [];
  }

  listGenerations(
    filter: GenerationFilter,
    cursor: string | undefined,
    pageSize: number,
  ): Promise<Page<Generation, string>> {
    return filteredPage({
      pageSize,
      cursor,
      cursorOf: (generation) => generation.generationId,
      matches: (generation) => matchesGeneration(generation, filter),
      slice: (below) => {
        // Bounds in the place of `=`, with which Postgres may walk the primary key through everybody's generations until it meets enough of this account's.
        const query = this.knex(GENERATIONS.name).where("account_id", ">=", filter.accountId);
        if (below === undefined) query.where("account_id", "<=", filter.accountId);
        else query.whereRaw("(account_id, generation_id) < (?, ?)", [filter.accountId, below]);
        return this.rows(
          GENERATIONS,
          query
            .orderBy([
              { column: "account_id", order: "desc" },
              { column: "generation_id", order: "desc" },
            ])
            .limit(pageSize + 1),
        );
      },
    });
  }

  async generationEvents(generationId: string): Promise<GenerationEvent[]> {
    if (!isUuid(generationId)) return [];
    const query = this.knex(EVENTS.name).where("generation_id", generationId);
    return this.rows(EVENTS, query.orderBy(["create_time", "event_key"]));
  }

  async ping(): Promise<void> {
    await this.guard(this.knex.raw("select 1"));
  }

  /** Entries of one account below a version, newest first, with what a filter looks at. */
  private async entrySlice(accountId: string, below: bigint | undefined, limit: number): Promise<ListedEntry[]> {
    const query = this.knex(`${ENTRIES.name} as e`)
      .join(`${TRANSACTIONS.name} as t`, "t.transaction_id", "e.transaction_id")
      .where("e.account_id", accountId)
      .orderBy("e.account_version", "desc")
      .limit(limit)
      .select(
        "e.account_id",
        "e.account_version",
        "e.transaction_id",
        "t.type",
        "t.tool_id",
        "t.generation_id",
        "t.external_reference",
        "t.create_time",
      );
    if (below !== undefined) query.where("e.account_version", "<", below as never);
    const rows = (await this.guard(query)) as Record<string, never>[];
    return rows.map((row) => ({
      accountId: row.account_id as never,
      accountVersion: BigInt(row.account_version as never),
      transactionId: row.transaction_id as never,
      type: row.type as never,
      toolId: row.tool_id as never,
      generationId: row.generation_id as never,
      externalReference: row.external_reference as never,
      createTime: BigInt(row.create_time as never),
    }));
  }

  private async transactionPage(
    transactionIds: readonly string[],
    next: EntryCursor | undefined,
  ): Promise<Page<TransactionWithEntries, EntryCursor>> {
    return { rows: transactionIds.length > 0 ? await this.transactionsWithEntries(transactionIds) : [], next };
  }

  private async readRuns(runIds: readonly string[]): Promise<Generation[][]> {
    // Written out, not bound, the second condition lets SQLite use the index, which leaves those rows out.
    const query = this.knex(GENERATIONS.name)
      .whereIn("run_id", [...new Set(runIds)])
      .whereRaw("run_id <> ''");
    const rows = await this.rows(GENERATIONS, query);
    return runIds.map((runId) => rows.filter((row) => row.runId === runId));
  }

  private async transactionsWithEntries(transactionIds: readonly string[]): Promise<TransactionWithEntries[]> {
    const transactions = await this.rows(
      TRANSACTIONS,
      this.knex(TRANSACTIONS.name).whereIn("transaction_id", transactionIds),
    );
    const entries = await this.rows(
      ENTRIES,
      this.knex(ENTRIES.name).whereIn("transaction_id", transactionIds).orderBy(["transaction_id", "position"]),
    );
    const byId = new Map(transactions.map((transaction) => [transaction.transactionId, transaction]));
    const entriesOf = groupBy(entries, ({ transactionId }) => transactionId);
    return transactionIds.flatMap((transactionId) => {
      const transaction = byId.get(transactionId);
      return transaction ? [{ transaction, entries: entriesOf.get(transactionId) ?? [] }] : [];
    });
  }

  private rows<Row>(table: Table<Row>, query: Knex.QueryBuilder): Promise<Row[]> {
    return this.guard(rowsOf(table, query));
  }
}

/** What a list of transactions looks at in one entry. */
export interface ListedEntry {
  readonly accountId: string;
  readonly accountVersion: bigint;
  readonly transactionId: string;
  readonly type: TransactionWithEntries["transaction"]["type"];
  readonly toolId: string;
  readonly generationId: string;
  readonly externalReference: string;
  readonly createTime: EpochMicros;
}

function matchesTransaction(entry: ListedEntry, filter: TransactionFilter): boolean {
  return (
    entry.createTime < filter.endTime &&
    (filter.types.length === 0 || filter.types.includes(entry.type)) &&
    (filter.toolId === "" || entry.toolId === filter.toolId) &&
    (filter.generationId === "" || entry.generationId === filter.generationId) &&
    (filter.externalReference === "" || entry.externalReference === filter.externalReference)
  );
}

export function matchesGeneration(generation: Generation, filter: GenerationFilter): boolean {
  return (
    generation.createTime >= filter.startTime &&
    generation.createTime < filter.endTime &&
    (filter.states.length === 0 || filter.states.includes(generation.state)) &&
    (filter.toolId === "" || generation.toolId === filter.toolId) &&
    (filter.spellId === "" || generation.attribution.spell?.spellId === filter.spellId) &&
    (filter.castId === "" || generation.castId === filter.castId)
  );
}

interface FilteredPage<Row, Cursor> {
  readonly pageSize: number;
  readonly cursor: Cursor | undefined;
  readonly cursorOf: (row: Row) => Cursor;
  readonly matches: (row: Row) => boolean;
  /** pageSize + 1 rows below a cursor, fewer only at the end. The last one only tells that there are more. */
  readonly slice: (below: Cursor | undefined) => Promise<Row[]>;
}

/** One page of a list with filters that no index serves: looks through a bounded number of slices and says where to go on. */
export async function filteredPage<Row, Cursor>(list: FilteredPage<Row, Cursor>): Promise<Page<Row, Cursor>> {
  const rows: Row[] = [];
  let cursor = list.cursor;
  for (let slices = 0; slices < SLICES_PER_PAGE; slices++) {
    const slice = await list.slice(cursor);
    const isLast = slice.length <= list.pageSize;
    for (const [index, row] of slice.slice(0, list.pageSize).entries()) {
      if (list.matches(row)) rows.push(row);
      cursor = list.cursorOf(row);
      if (rows.length === list.pageSize) {
        return { rows, next: isLast && index === slice.length - 1 ? undefined : cursor };
      }
    }
    if (isLast) return { rows, next: undefined };
  }
  return { rows, next: cursor };
}
