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
