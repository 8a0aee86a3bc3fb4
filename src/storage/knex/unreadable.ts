import type { Table } from "../columns.js";
import type { StoredRow } from "../group.js";
import { StoreError } from "../store.js";

/** REFUSED, saying which row it is that can't be decoded. @param row with its key at least */
export function unreadable<Row>(table: Table<Row>, row: StoredRow, cause: unknown): StoreError {
  const key = table.key.map((column) => `${column.name} ${row[column.name]}`).join(", ");
  return new StoreError("REFUSED", `${table.name}: the row with ${key} is unreadable`, { cause });
}

/** A row; fails with REFUSED, and says which row it is, where it can't be decoded. */
export function decoded<Row>(table: Table<Row>, row: StoredRow): Row {
  try {
    return table.decode(row);
  } catch (cause) {
    throw unreadable(table, row, cause);
  }
}
