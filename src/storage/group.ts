/** Rows by their transaction, in the order given. */
export function groupByTransaction<Row extends { readonly transactionId: string }>(
  rows: readonly Row[],
): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.transactionId);
    if (group) group.push(row);
    else groups.set(row.transactionId, [row]);
  }
  return groups;
}

/** A row as a driver gives it. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** What rows of a query say of their transaction, by its id, in the order given. */
export function valuesByTransaction<Value>(
  rows: readonly StoredRow[],
  valueIn: (row: StoredRow) => Value,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const row of rows) {
    const group = groups.get(row.transaction_id as string);
    if (group) group.push(valueIn(row));
    else groups.set(row.transaction_id as string, [valueIn(row)]);
  }
  return groups;
}
