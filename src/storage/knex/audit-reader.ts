import type { Knex } from "knex";
import type { Stored } from "../columns.js";

/** Runs the statements of an audit on the connections of one snapshot; each waits until one of them is free. Integers come as bigint, number or text, and bytes as bytes or as hex after "\x". */
export interface AuditReader {
  /** Rows by the names of their columns, in a form that the decoding of tables takes; as loosely typed as knex leaves them. */
  rows(statement: Knex.QueryBuilder): Promise<Awaited<Knex.QueryBuilder>[]>;
  /**
   * For what an audit reads most: makes something of each row as it arrives, which costs a third of making rows of all of them first.
   * @param from gets a row's values in the order selected; what it throws, the read fails with
   */
  values<T>(statement: Knex.QueryBuilder, from: (values: Values) => T): Promise<T[]>;
  /** As values, of a statement that joins a stretch of rows, or all of them, with others: not row by row, however few the backend believes them to be. */
  valuesOfStretch<T>(statement: Knex.QueryBuilder, from: (values: Values) => T): Promise<T[]>;
  /** SQL for what a column of texts says as a UUID, as the backend stores those: null, or equal to none, where it is no UUID. */
  uuidOf(column: string): string;
}

export type Values = readonly (Stored | undefined)[];

export function textIn(value: Values[number]): string {
  return value as string;
}

/** A UUID; "" for none. */
export function uuidIn(value: Values[number]): string {
  return (value as string | null) ?? "";
}

export function int8In(value: Values[number]): bigint {
  return BigInt(value as string);
}

export function bytesIn(value: Values[number]): Uint8Array {
  return typeof value === "string" ? Buffer.from(value.slice(HEX_START), "hex") : (value as Uint8Array);
}

const HEX_START = "\\x".length;
