import type { Knex } from "knex";
import pg from "pg";
import type { ColumnType, Stored } from "../columns.js";
import type { StoredRow } from "../group.js";
import type { Values } from "../knex/audit-reader.js";
import { ALL_TABLES } from "../tables.js";

/*
 * Reading with COPY, which costs a third of what pg's own results do: a row is one text, and not a message of texts with a parser each (docs/decisions/0027). The client must do nothing else meanwhile.
 */

/** Makes something of each row as it arrives. */
export function copyValues<T>(
  client: pg.ClientBase,
  statement: Knex.QueryBuilder,
  from: (values: Values) => T,
): Promise<T[]> {
  return copyLines(client, statement, (line, start, end) => from(valuesIn(line.toString("utf8", start, end))));
}

/** The same from the bytes of each row, without the line break; they are others' again once something was made of them. */
export function copyLines<T>(
  client: pg.ClientBase,
  statement: Knex.QueryBuilder,
  from: (line: Buffer, start: number, end: number) => T,
): Promise<T[]> {
  const made: T[] = [];
  return copy(client, statement, (line, start, end, isHeader) => {
    if (!isHeader) made.push(from(line, start, end));
  }).then(() => made);
}

/** Rows by the names of their columns; truth values and bytes are known by these names, everything else, numbers too, is text. */
export function copyRows(client: pg.ClientBase, statement: Knex.QueryBuilder): Promise<StoredRow[]> {
  let columns: readonly (readonly [name: string, parse: (value: Stored) => unknown])[] = [];
  const rows: StoredRow[] = [];
  return copy(client, statement, (line, start, end, isHeader) => {
    const values = valuesIn(line.toString("utf8", start, end));
    if (isHeader) columns = values.map((name) => [String(name), PARSERS[TYPES.get(String(name)) ?? "text"] ?? asIs]);
    else rows.push(Object.fromEntries(columns.map(([name, parse], index) => [name, parse(values[index] as Stored)])));
  }).then(() => rows);
}

/** Columns of all tables by name; those of one name are of one type. */
const TYPES = new Map<string, ColumnType>(
  ALL_TABLES.flatMap((table) => table.columns.map(({ name, type }) => [name, type] as const)),
);

const PARSERS: Partial<Record<ColumnType, (value: Stored) => unknown>> = {
  bool: (value) => value === "t",
  bytes: (value) => (value === null ? null : Buffer.from(String(value).slice("\\x".length), "hex")),
};

function asIs(value: Stored): Stored {
  return value;
}

function copy(client: pg.ClientBase, statement: Knex.QueryBuilder, take: TakeRow): Promise<void> {
  return new Promise((resolve, reject) => {
    const text = `copy (${inlined(statement)}) to stdout with (format text, header)`;
    client.query(new CopyOut(text, take, resolve, reject));
  });
}

/** The statement with its values in it: COPY takes no parameters. Quoted, a value is of no type yet, as a parameter is. */
function inlined(statement: Knex.QueryBuilder): string {
  const { sql, bindings } = statement.toSQL().toNative();
  return sql.replace(/\$(\d+)/g, (_, place) => pg.escapeLiteral(literal(bindings[Number(place) - 1])));
}

function literal(value: unknown): string {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : String(value);
}

/** The first row has the names. */
type TakeRow = (line: Buffer, start: number, end: number, isHeader: boolean) => void;

/** What pg's client calls on a query of its own while it runs. */
class CopyOut implements pg.Submittable {
  private isHeader = true;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly text: string,
    private readonly take: TakeRow,
    private readonly done: () => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  submit(connection: pg.Connection): void {
    connection.query(this.text);
  }

  /** A row: the server never sends more or less of them in one message. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.failure) return;
    try {
      this.take(chunk, 0, chunk.length - 1, this.isHeader);
      this.isHeader = false;
    } catch (error) {
      // Thrown from here it would end the process: pg calls this from the socket.
      this.failure = { error };
    }
  }

  handleError(error: unknown): void {
    this.failed(error);
  }

  handleReadyForQuery(): void {
    if (this.failure) this.failed(this.failure.error);
    else this.done();
  }

  handleCommandComplete(): void {}
}

function valuesIn(line: string): (string | null)[] {
  const values: (string | null)[] = line.split("\t");
  if (!line.includes("\\")) return values;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as string;
    if (value.includes("\\")) values[index] = value === "\\N" ? null : unescaped(value);
  }
  return values;
}

/** A value that has a backslash. */
export function unescaped(value: string): string {
  // Bytes, as a rule: nothing but the backslash before the x is escaped.
  if (value.startsWith("\\\\x") && !value.includes("\\", 2)) return value.slice(1);
  return value.replace(/\\(.)/gs, (_, letter) => ESCAPED[letter] ?? letter);
}

const ESCAPED: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
