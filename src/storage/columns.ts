import type { GrantMovement } from "../domain/ledger/rows.js";

/*
 * How rows of the domain become columns, said once for both backends. A property `accountId` is the column `account_id`, the part `unit` of an object `pricing` is `pricing_unit`. Amounts and times are int8 on both, exact as bigint;
 * structured values are JSON text, so that both backends store the same bytes.
 */

/** How a property is stored. */
export type ColumnType =
  /** Text as it is; "" is "". */
  | "text"
  /** A UUID, or "" for none, stored as NULL. */
  | "uuid"
  /** bigint. */
  | "int8"
  /** bigint or null. */
  | "int8?"
  /** A time or null, which sorts after every time on both backends. */
  | "expiry"
  /** Text or null. */
  | "text?"
  /** A small integer as a number. */
  | "int4"
  | "float8"
  | "bool"
  /** Uint8Array. */
  | "bytes"
  /** Plain JSON without bigint. */
  | "json"
  /** GrantMovement[], amounts as decimal strings. */
  | "movements";

/** A value as both drivers take it. */
export type Stored = string | number | bigint | boolean | Uint8Array | null;

export interface Column {
  readonly property: string;
  /** Which part of the property, if it is an object with a column for each. */
  readonly part: string | undefined;
  readonly name: string;
  readonly type: ColumnType;
  /** Works its value out from the row, which doesn't have the property; undefined if the row has it. */
  readonly derive: ((row: never) => unknown) | undefined;
}

/** A table whose rows are of type Row. */
export interface Table<Row> {
  readonly name: string;
  readonly key: readonly Column[];
  readonly columns: readonly Column[];
  /** Names of the columns that a row is made of, as a query selects them for `decodeValues`: "account_id, balance_usd_micros, …". */
  readonly selected: string;
  /** Columns that an update writes. */
  readonly mutable: readonly Column[];
  encode(row: Row, columns: readonly Column[]): Stored[];
  decode(stored: Readonly<Record<string, unknown>>): Row;
  /** A row of the values of `selected`, in that order: what comes in arrays needn't become objects of column names first. */
  decodeValues(values: readonly unknown[]): Row;
}

/** The type of each property's column, or of the column of each of its parts. */
type Columns<Row> = { readonly [P in keyof Row]-?: ColumnType | { readonly [Part in keyof Row[P]]: ColumnType } };

/** What a column says beyond its row's properties, worked out whenever a row is written. */
type Derived<Row> = Readonly<Record<string, { readonly type: ColumnType; readonly from: (row: Row) => unknown }>>;

/**
 * Describes a table.
 * @param columns type of each property
 * @param changing properties that an update writes; the others are written once
 * @param derived further columns, which every update writes and decoding leaves out
 * @param copy copies a row. Each table that is read all the time says it for itself: of rows of one shape V8 makes copies at once, in one place for all tables property by property
 */
export function table<Row extends object>(
  name: string,
  columns: Columns<Row>,
  key: readonly (keyof Row & string)[],
  changing: readonly (keyof Row & string)[] = [],
  derived: Derived<Row> = {},
  copy: (row: Row) => Row = (row) => ({ ...row }),
): Table<Row> {
  const own = Object.entries<ColumnType | Readonly<Record<string, ColumnType>>>(columns as never).flatMap(
    ([property, type]): Column[] => {
      if (typeof type === "string") return [columnOf(property, undefined, type)];
      return Object.entries(type).map(([part, ofPart]) => columnOf(property, part, ofPart));
    },
  );
  const further = Object.entries(derived).map(
    ([property, { type, from }]): Column => ({ ...columnOf(property, undefined, type), derive: from }),
  );
  const named = (properties: readonly string[]): Column[] =>
    properties.map((property) => own.find((column) => column.property === property) as Column);
  const blank = Object.fromEntries(own.map(({ property }) => [property, null])) as Row;
  const decodeValues = (values: readonly unknown[]): Row => {
    // A copy has all properties at once. To V8 an object that got more than a dozen one by one is a hash table, and a copy of that, with which every change of a generation begins, takes 10 µs in place of 0.1.
    const row = copy(blank) as Record<string, unknown>;
    own.forEach(({ property, part, type }, index) => {
      const value = decode(type, values[index]);
      if (part === undefined) {
        row[property] = value;
      } else {
        row[property] ??= {};
        (row[property] as Record<string, unknown>)[part] = value;
      }
    });
    return row as Row;
  };
  return {
    name,
    key: named(key),
    columns: [...own, ...further],
    selected: own.map((column) => column.name).join(", "),
    mutable: [...named(changing), ...further],
    encode: (row, wanted) => wanted.map((column) => storedIn(row, column)),
    decode: (stored) => decodeValues(own.map((column) => stored[column.name])),
    decodeValues,
  };
}

function columnOf(property: string, part: string | undefined, type: ColumnType): Column {
  const name = part === undefined ? columnName(property) : `${columnName(property)}_${columnName(part)}`;
  return { property, part, name, type, derive: undefined };
}

/** What a row has in one of its table's columns. */
export function storedIn(row: object, column: Column): Stored {
  return encode(column.type, valueIn(row, column));
}

function valueIn(row: object, { property, part, derive }: Column): unknown {
  if (derive) return derive(row as never);
  const value = (row as Record<string, unknown>)[property];
  return part === undefined ? value : (value as Record<string, unknown>)[part];
}

export function columnName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Stands for "never": later than any time there is. */
export const NEVER = 9_223_372_036_854_775_807n;

function encode(type: ColumnType, value: unknown): Stored {
  switch (type) {
    case "expiry":
      return (value as bigint | null) ?? NEVER;
    case "uuid":
      return value === "" ? null : (value as string);
    case "json":
      return JSON.stringify(value);
    case "movements":
      return textOfMovements(value as readonly GrantMovement[]);
    default:
      return value as Stored;
  }
}

function decode(type: ColumnType, stored: unknown): unknown {
  switch (type) {
    case "uuid":
      return stored ?? "";
    case "int8":
      return BigInt(stored as bigint);
    case "expiry":
      return BigInt(stored as bigint) === NEVER ? null : BigInt(stored as bigint);
    case "int8?":
      return stored === null ? null : BigInt(stored as bigint);
    case "int4":
    case "float8":
      return Number(stored);
    case "bool":
      return stored === true || stored === 1n;
    case "bytes":
      return asBuffer(stored as Uint8Array);
    case "json":
      // Most labels are none, and an audit reads every row.
      return stored === "{}" ? {} : JSON.parse(stored as string);
    case "movements":
      return movementsIn(stored as string);
    default:
      return stored;
  }
}

/** As JSON.stringify would write them, in a tenth of the time: neither UUIDs nor digits have anything to escape. */
function textOfMovements(movements: readonly GrantMovement[]): string {
  return `[${movements.map(([grantId, amountUsdMicros]) => `["${grantId}","${amountUsdMicros}"]`).join(",")}]`;
}

export function movementsIn(stored: string): GrantMovement[] {
  if (stored === "[]") return [];
  return (JSON.parse(stored) as [string, string][]).map(([grantId, amount]) => [grantId, BigInt(amount)]);
}

/** The same bytes. What came from another thread is none yet, and the same row should be equal wherever it was read. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
